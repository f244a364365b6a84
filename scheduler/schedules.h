// Recurring jobs: which of them are to run now. Pure: it is told the time, and asks nobody but its caller whether a job
// has ended.
//
// A planned moment is dealt with once: `dealt_with` moves past it in the same transaction in which its job comes into
// being, and the table takes one job per schedule and planned moment.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "shared/cron.h"
#include "shared/ids.h"
#include "shared/schedule_policy.h"
#include "shared/time.h"

namespace windlass::scheduler {

struct Schedule {
    std::int64_t id = 0;
    UserId owner;
    Cron cron;
    OverlapPolicy overlap = OverlapPolicy::skip;
    MissedPolicy missed = MissedPolicy::once;
    bool paused = false;
    WallTime dealt_with{};  // the last planned moment that was run or left out; at first, when it was made
    JobId last_job;         // 0: none yet
};

// What is to be done about one planned moment.
struct Due {
    std::int64_t schedule = 0;
    WallTime planned{};
    bool run = false;
    std::string left_out;  // why it is not run
    JobId wait_for;        // 0: nobody. Run it when this one has ended, however
    JobId cancel;          // 0: nobody
};

class Schedules {
  public:
    // A moment that is dealt with later than this was missed.
    static constexpr Seconds late{60};

    void put(Schedule schedule);  // new, or changed
    void remove(std::int64_t id);
    std::size_t size() const { return schedules_.size(); }

    // The earliest moment at which something is due; nullopt: never.
    std::optional<WallTime> next() const;
    // What is to be done now; nullopt: nothing. To be followed by dealt_with(), after which there may be more.
    std::optional<Due> due(WallTime now, const std::function<bool(JobId)>& has_ended) const;
    // `job`: the one that was made; 0: none.
    void dealt_with(const Due& due, JobId job);

  private:
    struct Entry {
        Schedule schedule;
        std::optional<WallTime> next;
    };
    void plan(Entry& entry);
    void unplan(const Entry& entry);

    std::map<std::int64_t, Entry> schedules_;
    std::set<std::pair<WallTime, std::int64_t>> by_time_;
};

}  // namespace windlass::scheduler
