#include "api/rate_limits.h"

#include <algorithm>
#include <cmath>

namespace windlass::api {
namespace {

constexpr double seconds_held = 2;
constexpr std::size_t most_buckets = 100'000;

double seconds_between(SteadyTime from, SteadyTime to) {
    return std::chrono::duration<double>(to - from).count();
}

bool is_loopback(const std::string& address) {
    return address.empty() || address.starts_with("127.") || address == "::1" || address == "unix";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> rate_headers(const RateStanding& standing) {
    return {{"RateLimit-Limit", std::to_string(standing.limit)},
            {"RateLimit-Remaining", std::to_string(standing.remaining)},
            {"RateLimit-Reset", std::to_string(standing.reset_s)}};
}

std::optional<RateStanding> RateLimits::take(UserId account, SteadyTime now) {
    if (settings_.account_per_s == 0) return std::nullopt;
    return take(accounts_, account.text(), settings_.account_per_s, now);
}

std::optional<RateStanding> RateLimits::take(const std::string& address, SteadyTime now) {
    if (settings_.address_per_s == 0 || is_loopback(address)) return std::nullopt;
    return take(addresses_, address, settings_.address_per_s, now);
}

std::optional<RateStanding> RateLimits::take(Buckets& buckets, const std::string& key, std::int64_t per_s,
                                             SteadyTime now) {
    const double rate = static_cast<double>(per_s);
    const double full = rate * seconds_held;
    const std::lock_guard lock(mutex_);
    // A bucket that has filled up again says nothing; forget those when there are many.
    if (buckets.size() >= most_buckets)
        std::erase_if(buckets, [&](const auto& entry) {
            return entry.second.tokens + seconds_between(entry.second.at, now) * rate >= full;
        });
    if (buckets.size() >= most_buckets) buckets.clear();
    Bucket& bucket = buckets.try_emplace(key, Bucket{full, now}).first->second;
    bucket.tokens = std::min(full, bucket.tokens + seconds_between(bucket.at, now) * rate);
    bucket.at = now;
    RateStanding standing;
    standing.limit = static_cast<std::int64_t>(full);
    standing.refused = bucket.tokens < 1;
    if (standing.refused)
        standing.retry_after_s = std::max<std::int64_t>(1, std::llround(std::ceil((1 - bucket.tokens) / rate)));
    else
        bucket.tokens -= 1;
    standing.remaining = static_cast<std::int64_t>(bucket.tokens);
    standing.reset_s = std::llround(std::ceil((full - bucket.tokens) / rate));
    return standing;
}

std::size_t RateLimits::size() const {
    const std::lock_guard lock(mutex_);
    return accounts_.size() + addresses_.size();
}

RateLimits::Seat RateLimits::follow(UserId account) {
    {
        const std::lock_guard lock(followers_->mutex);
        auto& taken = followers_->seats[account];
        if (settings_.followers != 0 && taken >= settings_.followers) return nullptr;
        ++taken;
    }
    return {this, [followers = followers_, account](void*) {
                const std::lock_guard lock(followers->mutex);
                const auto found = followers->seats.find(account);
                if (--found->second == 0) followers->seats.erase(found);
            }};
}

}  // namespace windlass::api
