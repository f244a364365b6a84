#include "scheduler/user_weights.h"

#include <fmt/format.h>

#include <charconv>

namespace windlass::scheduler {

Result<std::map<UserId, double>> parse_user_weights(const std::vector<std::string>& entries) {
    std::map<UserId, double> weights;
    for (const std::string& entry : entries) {
        const char* const end = entry.data() + entry.size();
        UserId user;
        double weight = 0;
        const auto [equals, no_user] = std::from_chars(entry.data(), end, user.value);
        bool good = no_user == std::errc() && equals != end && *equals == '=' && user.value > 0;
        if (good) {
            const auto [rest, no_weight] = std::from_chars(equals + 1, end, weight);
            good = no_weight == std::errc() && rest == end && weight > 0 && weight <= 1000;
        }
        if (!good || !weights.emplace(user, weight).second)
            return make_error(ErrorKind::invalid,
                              fmt::format("scheduler.user_weights: \"{}\" is not ACCOUNT=WEIGHT with a weight above 0 "
                                          "and at most 1000, each account once; e.g. \"7=2.5\"",
                                          entry));
    }
    return weights;
}

}  // namespace windlass::scheduler
