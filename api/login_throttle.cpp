#include "api/login_throttle.h"

#include <algorithm>

namespace windlass::api {
namespace {

constexpr int free_per_account = 10;
constexpr int free_per_address = 50;
constexpr Seconds first_wait{1};
constexpr Seconds longest_wait{15 * 60};
constexpr Seconds quiet{10 * 60};
// Beyond this the old ones are swept out, then, if it is a flood of new names, all of them: memory stays bounded.
constexpr std::size_t most_counters = 50'000;

Seconds wait_after(int failures_beyond) {
    const int doublings = std::min(failures_beyond - 1, 20);
    return std::min(first_wait * (1 << doublings), longest_wait);
}

}  // namespace

std::optional<Seconds> LoginThrottle::admit(const std::string& account, const std::string& address, SteadyTime now) {
    const std::lock_guard lock(mutex_);
    SteadyTime until{};
    if (const auto* counter = find(accounts_, account, now)) until = std::max(until, counter->blocked_until);
    if (const auto* counter = find(addresses_, address, now)) until = std::max(until, counter->blocked_until);
    if (until > now) return std::chrono::ceil<Seconds>(until - now);
    forget_old(accounts_, now);
    forget_old(addresses_, now);
    count(accounts_, account, free_per_account, now);
    count(addresses_, address, free_per_address, now);
    return std::nullopt;
}

void LoginThrottle::succeeded(const std::string& account, const std::string& address, SteadyTime now) {
    const std::lock_guard lock(mutex_);
    accounts_.erase(account);
    // Others behind the same address go on counting.
    if (auto* counter = find(addresses_, address, now)) {
        if (--counter->failures <= 0)
            addresses_.erase(address);
        else if (counter->failures < free_per_address)
            counter->blocked_until = {};
    }
}

std::size_t LoginThrottle::size() const {
    const std::lock_guard lock(mutex_);
    return accounts_.size() + addresses_.size();
}

LoginThrottle::Counter* LoginThrottle::find(Counters& counters, const std::string& key, SteadyTime now) {
    const auto found = counters.find(key);
    if (found == counters.end()) return nullptr;
    if (now - std::max(found->second.last, found->second.blocked_until) >= quiet) {
        counters.erase(found);
        return nullptr;
    }
    return &found->second;
}

void LoginThrottle::count(Counters& counters, const std::string& key, int free, SteadyTime now) {
    Counter& counter = counters[key];
    ++counter.failures;
    counter.last = now;
    if (counter.failures >= free) counter.blocked_until = now + wait_after(counter.failures - free + 1);
}

void LoginThrottle::forget_old(Counters& counters, SteadyTime now) {
    if (counters.size() < most_counters) return;
    std::erase_if(counters, [&](const auto& entry) {
        return now - std::max(entry.second.last, entry.second.blocked_until) >= quiet;
    });
    if (counters.size() >= most_counters) counters.clear();
}

}  // namespace windlass::api
