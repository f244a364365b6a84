#include "scheduler/schedules.h"

#include <algorithm>

#include "shared/guard.h"

namespace windlass::scheduler {

void Schedules::put(Schedule schedule) {
    const std::int64_t id = schedule.id;
    remove(id);
    Entry& entry = schedules_.emplace(id, Entry{std::move(schedule), std::nullopt}).first->second;
    plan(entry);
}

void Schedules::remove(std::int64_t id) {
    const auto found = schedules_.find(id);
    if (found == schedules_.end()) return;
    unplan(found->second);
    schedules_.erase(found);
}

void Schedules::plan(Entry& entry) {
    const Schedule& schedule = entry.schedule;
    entry.next = schedule.paused ? std::nullopt : schedule.cron.next(schedule.dealt_with);
    if (entry.next) by_time_.emplace(*entry.next, schedule.id);
}

void Schedules::unplan(const Entry& entry) {
    if (entry.next) by_time_.erase({*entry.next, entry.schedule.id});
}

std::optional<WallTime> Schedules::next() const {
    return by_time_.empty() ? std::nullopt : std::optional(by_time_.begin()->first);
}

namespace {

// The last planned moment from `first` (one of them) to `now`. Comes at it from behind: a minute's schedule that nobody
// looked after for a year has half a million of them.
WallTime last_until(const Cron& cron, WallTime first, WallTime now) {
    using std::chrono::hours;
    for (const hours back : {hours{1}, hours{24}, hours{24 * 32}, hours{24 * 367}}) {
        const auto found = cron.next(std::max(first, now - back));
        if (!found || *found > now) continue;
        first = *found;
        break;
    }
    for (auto at = cron.next(first); at && *at <= now; at = cron.next(*at)) first = *at;
    return first;
}

}  // namespace

std::optional<Due> Schedules::due(WallTime now, const std::function<bool(JobId)>& has_ended) const {
    if (by_time_.empty() || by_time_.begin()->first > now) return std::nullopt;
    const auto [planned, id] = *by_time_.begin();
    const Schedule& schedule = schedules_.at(id).schedule;
    Due due{id, planned, true, {}, {}, {}};
    if (now - planned > late && schedule.missed != MissedPolicy::all) {
        // One word for all that were missed: the last of them takes the schedule past the others.
        due.planned =
            last_until(schedule.cron, planned, now - (schedule.missed == MissedPolicy::skip ? late : Seconds{0}));
        if (schedule.missed == MissedPolicy::skip) {
            due.run = false;
            due.left_out = "no scheduler was there at its time";
            return due;
        }
    }
    if (!WINDLASS_GUARD(schedule_overlap) || !schedule.last_job || has_ended(schedule.last_job)) return due;
    switch (schedule.overlap) {
        case OverlapPolicy::skip:
            due.run = false;
            due.left_out = "the job of the time before (" + schedule.last_job.text() + ") has not ended";
            break;
        case OverlapPolicy::queue:
            due.wait_for = schedule.last_job;
            break;
        case OverlapPolicy::replace:
            due.cancel = schedule.last_job;
            break;
    }
    return due;
}

void Schedules::dealt_with(const Due& due, JobId job) {
    const auto found = schedules_.find(due.schedule);
    if (found == schedules_.end()) return;
    Entry& entry = found->second;
    unplan(entry);
    if (WINDLASS_GUARD(planned_moment_once))
        entry.schedule.dealt_with = std::max(entry.schedule.dealt_with, due.planned);
    if (job) entry.schedule.last_job = job;
    plan(entry);
}

}  // namespace windlass::scheduler
