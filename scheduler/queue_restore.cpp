// The beginning: what the store had.
#include <algorithm>
#include <limits>
#include <utility>

#include "scheduler/queue.h"
#include "shared/result.h"

namespace windlass::scheduler {

Effects Queue::restore(const StoredQueue& stored, Now now) {
    WINDLASS_CHECK(jobs_.size() == 0, "the queue was restored twice");
    begin_turn(now);
    next_id_ = settings_.first_job_id;
    if (WINDLASS_GUARD(ids_go_on)) next_id_ = std::max(next_id_, JobId{stored.highest_job.value + 1});
    for (const QueueConfig& config : stored.queues) {
        const QueueIndex queue = queues_.configure(config);
        fair_.set_weight(queue, config.weight);
        refresh_queue(queue);
    }
    for (const WorkerId worker : stored.draining) workers_.set_drained(worker, WINDLASS_GUARD(restored_draining));
    for (const StoredUser& user : stored.users) {
        const UserIndex index = users_.user(user.user);
        users_.add_use(index, user.day, user.cpu_of_day);
        set_quota(index, user.quota);
    }
    jobs_.reserve(stored.jobs.size());
    std::unordered_map<JobId, std::int64_t> live;  // members with a row, by array
    for (const StoredJob& job : stored.jobs)
        if (job.row.array) ++live[job.row.array];
    for (const StoredJob& job : stored.jobs) restore_job(job, live.contains(job.job) ? live.at(job.job) : 0);
    for (const StoredJob& job : stored.jobs)
        if (job.row.state == JobState::blocked) restore_dependencies(job);
    std::vector<JobId> arrays;
    for (const auto& [id, array] : arrays_.all()) arrays.push_back(id);
    for (const JobId id : arrays)
        if (arrays_.find(id) != nullptr) settle_if_complete(id);
    follow_ends();
    ring_due();
    arm_timer();
    return std::exchange(effects_, {});
}

void Queue::restore_job(const StoredJob& stored, std::int64_t live_members) {
    constexpr int small_max = std::numeric_limits<std::int16_t>::max();
    const StateRow& row = stored.row;
    const NewJob& seed = stored.seed;
    WINDLASS_CHECK(!is_final(row.state), "the store handed over a job that has ended");
    std::optional<QueueIndex> queue = queues_.find(seed.queue);
    if (!queue) {  // nobody can remove a queue with jobs; should the store have lost it, its jobs go on all the same
        QueueConfig config;
        config.name = seed.queue;
        queue = queues_.configure(config);
    }
    const bool has_rules = seed.rules != JobRules{};
    const Job job{.started = row.started.value_or(Job::never),
                  .share = share_of(seed.owner, *queue),
                  .kind = needs_.add(seed.need),
                  .attempt = row.attempt,
                  .event_seq = row.event_seq,
                  .max_attempts = static_cast<std::int16_t>(std::clamp(seed.max_attempts, 1, small_max)),
                  .failures = row.failures,
                  .losses = row.losses,
                  .priority = static_cast<std::int8_t>(std::clamp<int>(seed.priority, min_priority, max_priority)),
                  .state = row.state,
                  .cancel_requested = row.cancel_requested,
                  .is_array = stored.array.has_value(),
                  .is_member = static_cast<bool>(row.array),
                  .has_rules = has_rules};
    WINDLASS_CHECK(jobs_.insert(stored.job, job), "the store handed over a job twice");
    ++queues_[*queue].records;
    if (has_rules && !job.is_member) rules_.emplace(stored.job, seed.rules);
    if (job.is_array) {
        Array& array = arrays_.add(stored.job, *stored.array);
        if (WINDLASS_GUARD(restored_holes)) array.holes.insert(stored.holes.begin(), stored.holes.end());
        const std::int64_t without_row = array.unstarted();
        // All are accounted for though some never got a row: those were cancelled or timed out at once.
        array.closed = without_row > 0 && array.ended() + live_members == array.row.count;
        if (array.row.timed_out >= without_row && array.row.cancelled < without_row)
            array.closed_as = JobState::timed_out;
    }
    if (job.is_member) {
        WINDLASS_CHECK(arrays_.array_of(stored.job) == row.array, "the store handed over a member without its array");
        Array& array = *arrays_.find(row.array);
        array.live.insert(stored.job);
    }
    if (is_leased(row.state)) {
        const FairShare::Commitment commitment = fair_.commit(job.share, seed.need.cpu_millis, now_.steady);
        leases_.add(stored.job, {row.worker, row.attempt, lease_end(), commitment});
        workers_.take_restored(row.worker, stored.job, &needs_[job.kind]);
        count_lease(job, 1);
        if (row.state == JobState::running) users_.attempt_started(user_index(job), seed.need.cpu_millis, job.started);
        return;
    }
    enter_state(
        stored.job, *jobs_.find(stored.job),
        {.what = JobMove::submit, .to = row.state, .pause = pause_after(stored.job, job, job.failures, job.losses)});
}

void Queue::restore_dependencies(const StoredJob& stored) {
    if (jobs_.find(stored.job) == nullptr) return;
    std::vector<DependencyTable::Wait> waits;
    for (const Dependency& after : stored.seed.after) {
        if (is_active(after.job)) {
            waits.push_back({after.job, after.condition});
            continue;
        }
        const std::optional<JobState> ended = ended_state(after);
        // It has ended as it must, and was forgotten while this job was on its way into the store: had it ended
        // otherwise, this one would have been cancelled with it.
        if (!ended) continue;
        if (!meets(*ended, after.condition))
            return cancel_waiting(stored.job, unmeetable(after.job, ended, after.condition));
    }
    if (waits.empty())
        move(stored.job, {.what = JobMove::release, .to = JobState::queued});
    else
        dependencies_.add(stored.job, std::move(waits));
}

}  // namespace windlass::scheduler
