// Whose turn is it? Two levels, one rule: the queue, and in it the user, with the smallest (recent use + committed) /
// weight, in cpu-seconds.
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
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler/shares.h"
#include "shared/guard.h"
#include "shared/time.h"

namespace windlass::scheduler {

class FairShare {
  public:
    explicit FairShare(Milliseconds half_life);

    // What a running attempt counts per cpu until it has ended.
    static constexpr double nominal_seconds = 10.0;

    // What one lease was counted as: handed back to settle() when it ends.
    struct Commitment {
        double amount = 0;           // inflated
        std::int64_t scaled_by = 0;  // state of scaled_ then
    };

    // The share of this user in this queue; the same for ever. The weight (above 0) is the user's, and counts when the
    // share comes into being.
    ShareIndex share(QueueIndex queue, UserIndex user, double weight = 1);
    QueueIndex queue_of(ShareIndex share) const { return shares_[share].queue; }
    UserIndex user_of(ShareIndex share) const { return shares_[share].user; }
    std::size_t shares() const { return shares_.size(); }

    // Only shares that could have a job started are in line.
    void set_in_line(ShareIndex share, bool in_line);
    bool in_line(ShareIndex share) const { return shares_[share].in_line; }
    // A queue is known from its first setting or share on; open and of weight 1 unless said otherwise. Of one that is
    // closed nobody's turn comes.
    void set_weight(QueueIndex queue, double weight);
    void set_open(QueueIndex queue, bool open);
    bool is_open(QueueIndex queue) const { return queue >= queues_.size() || queues_[queue].open; }

    // A lease was granted to a job of this share. Last served: now.
    Commitment commit(ShareIndex share, std::int32_t cpu_millis, SteadyTime now);
    // It ended after it has held `cpu_millis` for `used` (0: lost or handed back, which nobody pays for).
    void settle(ShareIndex share, const Commitment& commitment, std::int32_t cpu_millis, Microseconds used,
                SteadyTime now);
    std::size_t leases(ShareIndex share) const { return shares_[share].account.leases; }
    std::size_t leases_of_queue(QueueIndex queue) const {
        return queue < queues_.size() ? queues_[queue].account.leases : 0;
    }

    // A place in a line. Stays meaningful when the others move.
    struct Place {
        double score = 0;
        std::uint64_t last_served = 0;  // of equals, who was served longest ago comes first
        std::uint32_t index = 0;        // ShareIndex in the line of a queue, QueueIndex in the line of queues
        auto operator<=>(const Place&) const = default;
    };
    // The queues that have anybody in line and are open, whose turn it is first.
    const std::set<Place>& queues_in_line() const { return line_; }
    // The first in the line of a queue, or the first behind `place`.
    std::optional<Place> first(QueueIndex queue) const;
    std::optional<Place> first_after(QueueIndex queue, const Place& place) const;

    std::size_t shares_in_line(QueueIndex queue) const { return queues_[queue].line.size(); }

    // Recent use and committed as of now, in cpu-seconds per weight.
    double score(ShareIndex share, SteadyTime now) const;
    // In the line of the same queue and with a smaller score. Counts no further than `limit`.
    std::size_t ahead_of(ShareIndex share, std::size_t limit) const;

    // True when the lines hold exactly who is in line, and the queues count what their shares count.
    bool check_invariants(std::string* why) const;

  private:
    struct Account {
        double weight = 1;
        double use = 0;        // inflated
        double committed = 0;  // inflated
        std::size_t leases = 0;
        std::uint64_t last_served = 0;
        double score() const { return WINDLASS_GUARD(fair_share) ? (use + committed) / weight : 0; }
    };
    struct Share {
        QueueIndex queue = 0;
        UserIndex user = 0;
        bool in_line = false;
        Account account;
    };
    struct Queue {
        Account account;
        bool open = true;
        bool in_line = false;
        std::set<Place> line;
    };

    double inflation(SteadyTime now) const;
    void keep_exponent_small(SteadyTime now);
    Place place_of(ShareIndex share) const;
    Place place_of_queue(QueueIndex queue) const;
    Queue& queue(QueueIndex index);
    void reline(QueueIndex index);  // puts the queue in line, or takes it out, as it should be
    // Changes the accounts of a share and of its queue, and keeps the lines in order.
    template <class Change>
    void change(ShareIndex share, Change how);

    Microseconds half_life_;
    SteadyTime origin_{};
    bool has_origin_ = false;
    std::int64_t scaled_ = 0;  // by how many powers of two everything was scaled down since the beginning
    std::uint64_t served_ = 0;
    std::vector<Share> shares_;
    std::vector<Queue> queues_;
    std::unordered_map<std::uint64_t, ShareIndex> index_;  // queue and user in one word
    std::set<Place> line_;                                 // of queues
};

}  // namespace windlass::scheduler
