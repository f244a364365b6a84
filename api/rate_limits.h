// How many requests one account, or one address without a good credential, may make, and how many answers without an
// end (event streams, WebSockets) one account may have open. A bucket each (a "token bucket"): it fills evenly and
// holds two seconds' worth. Pure: time comes in from outside. Kept in memory: several api processes count apart.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "shared/ids.h"
#include "shared/time.h"

namespace windlass::api {

struct RateSettings {
    std::int64_t account_per_s = 0;  // 0: no limit
    std::int64_t address_per_s = 0;  // 0: no limit. Loopback has none: a proxy on this host, and who runs the site
    std::int64_t followers = 0;      // of one account at the same time; 0: no limit
};

// Where a bucket stands after a request was taken from it, or was not.
struct RateStanding {
    std::int64_t limit = 0;      // what a full bucket holds
    std::int64_t remaining = 0;  // whole requests
    std::int64_t reset_s = 0;    // until it is full again
    bool refused = false;
    std::int64_t retry_after_s = 0;  // when refused: until one fits
};

// RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset (draft-ietf-httpapi-ratelimit-headers-07).
std::vector<std::pair<std::string, std::string>> rate_headers(const RateStanding& standing);

class RateLimits {
  public:
    explicit RateLimits(RateSettings settings) : settings_(settings) {}

    // nullopt: there is no limit.
    std::optional<RateStanding> take(UserId account, SteadyTime now);
    std::optional<RateStanding> take(const std::string& address, SteadyTime now);

    std::size_t size() const;

    // A place of a follower, until it is destroyed, which may be after *this is. Null: the account has all it may have.
    using Seat = std::shared_ptr<void>;
    Seat follow(UserId account);

  private:
    struct Followers {
        std::mutex mutex;
        std::unordered_map<UserId, std::int64_t> seats;  // taken
    };
    struct Bucket {
        double tokens;
        SteadyTime at;
    };
    using Buckets = std::unordered_map<std::string, Bucket>;
    std::optional<RateStanding> take(Buckets& buckets, const std::string& key, std::int64_t per_s, SteadyTime now);

    const RateSettings settings_;
    mutable std::mutex mutex_;
    Buckets accounts_;
    Buckets addresses_;
    const std::shared_ptr<Followers> followers_ = std::make_shared<Followers>();
};

}  // namespace windlass::api
