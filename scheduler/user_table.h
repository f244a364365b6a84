// Users: what each may have at the same time or use in a day, and how much of it he has.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler/queue_io.h"
#include "scheduler/shares.h"
#include "shared/guard.h"

namespace windlass::scheduler {

// Days since 1970, UTC.
std::int64_t day_of(WallTime at);
WallTime midnight_after(WallTime at);

// What changes with every job comes first and in one cache line: a site has many users, and each job is somebody
// else's.
struct alignas(64) User {
    UserId id;
    std::int64_t waiting = 0;  // jobs that are blocked or queued, members of arrays without a row included
    std::int32_t leased = 0;
    // Processor time held by attempts that ended on `day`.
    std::int32_t day = 0;
    Microseconds cpu_of_day{};

    bool at_running_limit() const { return WINDLASS_GUARD(running_quota) && leased >= running_limit_; }
    // His jobs wait, whoever has room.
    bool limited() const { return out_of_cpu() || at_running_limit(); }
    bool out_of_cpu() const {
        return WINDLASS_GUARD(cpu_quota_of_waiting) && out_of_cpu_;
    }  // until midnight, or his quota or use says otherwise
    bool has_cpu_quota() const { return has_cpu_quota_; }
    const Quota& quota() const { return quota_; }
    void set_quota(const Quota& quota);

  private:
    friend class UserTable;
    static constexpr std::int32_t no_limit = std::numeric_limits<std::int32_t>::max();

    // Of his running attempts: the sum of their cores, and of cores times the moment of their start. So what they used
    // up to any moment is known without going through them.
    std::int64_t running_cpu_millis_ = 0;
    std::int64_t running_cpu_starts_ = 0;  // in cpu-millis times milliseconds since the table's origin
    std::int32_t running_limit_ = no_limit;
    bool out_of_cpu_ = false;
    bool has_cpu_quota_ = false;
    Quota quota_;

  public:
    double weight = 1;
    std::vector<ShareIndex> shares;  // one for every queue in which he ever had a job
};

class UserTable {
  public:
    explicit UserTable(std::map<UserId, double> weights) : weights_(std::move(weights)) {}

    // The number of this user here; the same for ever.
    UserIndex user(UserId id);
    User& operator[](UserIndex user) { return users_[user]; }
    const User& operator[](UserIndex user) const { return users_[user]; }
    UserIndex size() const { return static_cast<UserIndex>(users_.size()); }

    void attempt_started(UserIndex user, std::int32_t cpu_millis, WallTime at);
    void attempt_ended(UserIndex user, std::int32_t cpu_millis, WallTime started);
    // Use of an attempt that ended.
    void add_use(UserIndex user, std::int64_t day, Microseconds cpu);
    // Processor time of the day: of what ended, and of what runs so far.
    Microseconds cpu_today(UserIndex user, WallTime now) const;
    bool cpu_used_up(UserIndex user, WallTime now) const;

    // Who is out of processor time for the day.
    void set_out_of_cpu(UserIndex user, bool out);
    const std::set<UserIndex>& out_of_cpu() const { return out_of_cpu_; }

    bool check_invariants(std::string* why) const;

  private:
    std::int64_t since_origin_ms(WallTime at) const {
        return std::chrono::duration_cast<Milliseconds>(at - origin_).count();
    }

    std::map<UserId, double> weights_;
    std::vector<User> users_;
    std::unordered_map<UserId, UserIndex> index_;
    std::set<UserIndex> out_of_cpu_;
    WallTime origin_{};  // near every start, so that the sums stay small
    bool has_origin_ = false;
};

}  // namespace windlass::scheduler
