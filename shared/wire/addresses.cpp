#include "shared/wire/addresses.h"

#include <algorithm>

namespace windlass::wire {

bool Addresses::next() {
    current_ = (current_ + 1) % list_.size();
    return ++failed_ % list_.size() == 0;
}

bool Addresses::take(std::int64_t epoch) {
    if (!alone() && epoch < latest_) return false;
    latest_ = epoch;
    failed_ = 0;
    return true;
}

Result<std::vector<Endpoint>> parse_addresses(const std::vector<std::string>& dial, const std::string& listen) {
    std::vector<Endpoint> list;
    for (const std::string& text : dial.empty() ? std::vector{listen} : dial) {
        WINDLASS_TRY(list.emplace_back(), parse_endpoint(text));
    }
    return list;
}

}  // namespace windlass::wire
