#include "cli/restart_policy.h"

#include <algorithm>

namespace windlass::cli {
namespace {

constexpr Seconds memory{60};
constexpr std::size_t deaths_allowed = 10;
constexpr Milliseconds first_pause{100};
constexpr Milliseconds longest_pause{5000};

}  // namespace

std::optional<Milliseconds> RestartPolicy::after_death(SteadyTime now) {
    deaths_.push_back(now);
    while (now - deaths_.front() > memory) deaths_.pop_front();
    if (deaths_.size() > deaths_allowed) return std::nullopt;
    Milliseconds pause = first_pause;
    for (std::size_t i = 1; i < deaths_.size() && pause < longest_pause; ++i) pause *= 2;
    return std::min(pause, longest_pause);
}

}  // namespace windlass::cli
