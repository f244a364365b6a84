// What clients want.
#include <algorithm>
#include <limits>
#include <utility>

#include "scheduler/queue.h"
#include "shared/result.h"

namespace windlass::scheduler {

namespace {

constexpr Milliseconds queued_quota_retry{60'000};

std::string seconds(Microseconds time) {
    return std::to_string(std::chrono::duration_cast<Seconds>(time).count());
}

}  // namespace

// Answers a submit of which nothing can come into being.
bool Queue::refuse(const Submit& event) {
    const auto refuse_with = [&](RefuseSubmit::Why why, std::string detail, Milliseconds retry_after) {
        effects_.push_back(RefuseSubmit{event.request, why, std::move(detail), retry_after});
        return true;
    };
    std::int64_t jobs = 0;
    for (const NewJob& job : event.jobs) {
        jobs += std::max<std::int64_t>(1, job.array.count);
        if (!queues_.find(job.queue))
            return refuse_with(RefuseSubmit::Why::no_such_queue, "There is no queue \"" + job.queue + "\".", {});
    }
    const UserIndex user = users_.user(event.jobs.front().owner);
    const Quota& quota = users_[user].quota();
    if (WINDLASS_GUARD(cpu_quota_of_submit) && users_.cpu_used_up(user, wall_now())) {
        const WallTime midnight = midnight_after(wall_now());
        return refuse_with(RefuseSubmit::Why::cpu_quota,
                           "The processor time of the day is used up: " + seconds(users_.cpu_today(user, wall_now())) +
                               " of " + seconds(*quota.cpu_per_day) +
                               " cpu seconds. The next day begins at midnight UTC.",
                           std::chrono::ceil<Milliseconds>(midnight - wall_now()));
    }
    if (WINDLASS_GUARD(queued_quota) && quota.queued && users_[user].waiting + jobs > *quota.queued)
        return refuse_with(RefuseSubmit::Why::queued_quota,
                           "At most " + std::to_string(*quota.queued) +
                               " jobs may wait at the same time: " + std::to_string(users_[user].waiting) +
                               " wait already, and these would be " + std::to_string(jobs) + " more.",
                           queued_quota_retry);
    return false;
}

// What is known of the end of a job that somebody wants to wait for; nullopt: it has not ended, or never was.
std::optional<JobState> Queue::ended_state(const Dependency& dependency) const {
    // Cancelled with all members of its array that had not started: it has no row that could tell.
    if (const std::optional<JobState> unstarted = ended_unstarted(dependency.job)) return unstarted;
    return dependency.ended ? dependency.ended : ended_in_this_turn(dependency.job);
}

// Whoever looked it up did so before this turn, and now its deadline may have come, or that of its array.
std::optional<JobState> Queue::ended_in_this_turn(JobId id) const {
    for (const Effect& effect : effects_) {
        if (const auto* ended = std::get_if<JobEnded>(&effect); ended != nullptr && ended->job == id)
            return ended->state;
        if (const auto* members = std::get_if<MembersEnded>(&effect); members != nullptr && members->contains(id))
            return members->state;
    }
    return std::nullopt;
}

void Queue::born(JobId id, RequestId request, std::size_t index, const NewJob& seed, bool blocked) {
    constexpr int small_max = std::numeric_limits<std::int16_t>::max();
    const QueueIndex queue = *queues_.find(seed.queue);
    const bool has_rules = seed.rules != JobRules{};
    Job job{.share = share_of(seed.owner, queue),
            .kind = needs_.add(seed.need),
            .event_seq = 1,
            .max_attempts = static_cast<std::int16_t>(std::clamp(seed.max_attempts, 1, small_max)),
            .priority = static_cast<std::int8_t>(std::clamp<int>(seed.priority, min_priority, max_priority)),
            .state = blocked ? JobState::blocked : JobState::queued,
            .is_array = seed.array.count > 0,
            .has_rules = has_rules};
    WINDLASS_CHECK(allowed_at_birth(job.state), "a job is to be born in a state in which none is");
    if (has_rules) rules_.emplace(id, seed.rules);
    if (job.is_array) arrays_.add(id, {.count = seed.array.count, .max_fails = seed.array.max_fails});
    WINDLASS_CHECK(jobs_.insert(id, job), "a job was born twice");
    ++queues_[queue].records;
    effects_.push_back(InsertJob{id, request, index, job.row(JobId{}, WorkerId{})});
    effects_.push_back(RecordEvent{.job = id, .seq = 1, .at = now_.wall, .move = JobMove::submit, .state = job.state});
    enter_state(id, *jobs_.find(id), {.what = JobMove::submit, .to = job.state});
}

void Queue::handle(const Submit& event) {
    if (event.jobs.empty()) {
        effects_.push_back(AnswerSubmit{event.request, {}});
        return;
    }
    if (event.quota) set_quota(users_.user(event.jobs.front().owner), *event.quota);
    if (refuse(event)) return;

    std::vector<JobId> ids;
    for (const NewJob& job : event.jobs) {
        ids.push_back(next_id_);
        next_id_.value += 1 + std::max<std::int64_t>(0, job.array.count);
    }
    std::vector<std::pair<JobId, std::string>> never;  // and why
    for (std::size_t index = 0; index < event.jobs.size(); ++index) {
        std::vector<DependencyTable::Wait> waits;
        std::string hopeless;
        for (const Dependency& after : event.jobs[index].after) {
            WINDLASS_CHECK(after.job || after.index < ids.size(), "a job waits for one that its submit does not have");
            const JobId other = after.job ? after.job : ids[after.index];
            if (!after.job || is_active(other)) {
                waits.push_back({other, after.condition});
                continue;
            }
            const std::optional<JobState> ended = ended_state(after);
            if (!ended || !meets(*ended, after.condition)) hopeless = unmeetable(other, ended, after.condition);
        }
        born(ids[index], event.request, index, event.jobs[index], !waits.empty() || !hopeless.empty());
        if (!hopeless.empty())
            never.emplace_back(ids[index], std::move(hopeless));
        else if (!waits.empty())
            dependencies_.add(ids[index], std::move(waits));
    }
    for (const auto& [id, why] : never) cancel_waiting(id, why);
    follow_ends();
    ring_due();  // a deadline may have passed before it came
    dispatch();
    effects_.push_back(AnswerSubmit{event.request, std::move(ids)});
}

CancelAnswer Queue::cancel(JobId id, const std::string& reason) {
    const Job* job = jobs_.find(id);
    if (job == nullptr) {
        if (!is_active(id)) return CancelAnswer::not_active;
        bear_member(*arrays_.array_of(id), id);
        job = jobs_.find(id);
    }
    if (job->is_array) return cancel_array(id, reason);
    if (is_leased(job->state)) {
        request_cancel(id, *job, reason);
        return CancelAnswer::requested;
    }
    cancel_waiting(id, reason);
    follow_ends();
    return CancelAnswer::cancelled;
}

void Queue::handle(const CancelJobs& event) {
    AnswerCancel answer{event.request, {}};
    for (const JobId id : event.jobs) answer.answers.push_back(cancel(id, event.reason));
    effects_.push_back(std::move(answer));
}

void Queue::handle(const SetQuota& event) {
    set_quota(users_.user(event.user), event.quota);
}

}  // namespace windlass::scheduler
