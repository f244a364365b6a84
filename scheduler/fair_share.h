// Whose turn is it? The user with the smallest (recent use + committed) / weight, in cpu-seconds.
//
// Recent use halves every half-life. Instead of lowering everybody's number as time goes by, new use is added in
// inflated units, use x 2^((now - origin) / half-life): the order stays right without touching a user who does nothing
// (the way of "forward decay": Cormode et al., ICDE 2009). When the exponent grows large all numbers are scaled down at
// once by a power of two, which is exact.
//
// Committed: what a user's leased attempts will have used is unknown, so each counts a nominal amount until it ends and
// its real use is put in its place. Without it one user would fill every slot before the first of his jobs has ended.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "scheduler/waiting_jobs.h"
#include "shared/ids.h"
#include "shared/time.h"

namespace windlass::scheduler {

class FairShare {
  public:
    // Weights are above 0; who is not in the map has 1.
    explicit FairShare(Milliseconds half_life, std::map<UserId, double> weights = {});

    // What a running attempt counts per cpu until it has ended.
    static constexpr double nominal_seconds = 10.0;

    // What one lease was counted as: handed back to settle() when it ends.
    struct Commitment {
        double amount = 0;           // inflated
        std::int64_t scaled_by = 0;  // state of scaled_ then
    };

    // The number of this user here; the same for ever.
    UserIndex user(UserId id);
    UserId id_of(UserIndex user) const { return users_[user].id; }
    std::size_t users() const { return users_.size(); }
    // Only users who have queued jobs are in line.
    void set_in_line(UserIndex user, bool in_line);
    bool in_line(UserIndex user) const { return users_[user].in_line; }

    // A lease was granted to a job of this user. Last served: now.
    Commitment commit(UserIndex user, std::int32_t cpu_millis, SteadyTime now);
    // It ended after it has held `cpu_millis` for `used` (0: lost or handed back, which nobody pays for).
    void settle(UserIndex user, const Commitment& commitment, std::int32_t cpu_millis, Microseconds used,
                SteadyTime now);
    std::size_t leases(UserIndex user) const { return users_[user].leases; }

    // A place in the line. Stays meaningful when the users move.
    struct Place {
        double score = 0;
        std::uint64_t last_served = 0;  // of equals, who was served longest ago comes first
        UserIndex user = 0;
        auto operator<=>(const Place&) const = default;
    };
    // The first in line, or the first behind `place`.
    std::optional<Place> first() const;
    std::optional<Place> first_after(const Place& place) const;

    // Recent use and committed as of now, in cpu-seconds.
    double score(UserIndex user, SteadyTime now) const;
    // In line and with a smaller score. Counts no further than `limit`.
    std::size_t ahead_of(UserIndex user, std::size_t limit) const;

  private:
    struct User {
        UserId id;
        double weight = 1;
        double use = 0;        // inflated
        double committed = 0;  // inflated
        std::size_t leases = 0;
        std::uint64_t last_served = 0;
        bool in_line = false;
    };

    double inflation(SteadyTime now) const;
    void keep_exponent_small(SteadyTime now);
    Place place_of(UserIndex user) const;
    // Changes a user and keeps the line in order.
    template <class Change>
    void change(UserIndex user, Change how);

    Microseconds half_life_;
    std::map<UserId, double> weights_;
    SteadyTime origin_{};
    bool has_origin_ = false;
    std::int64_t scaled_ = 0;  // by how many powers of two everything was scaled down since the beginning
    std::uint64_t served_ = 0;
    std::vector<User> users_;
    std::unordered_map<UserId, UserIndex> index_;
    std::set<Place> line_;
};

}  // namespace windlass::scheduler
