#include "scheduler/queue.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "shared/result.h"

namespace windlass::scheduler {

namespace {

constexpr Milliseconds clock_tolerance{1};

std::int16_t small_sum(int a, int b) {
    return static_cast<std::int16_t>(std::min<int>(a + b, std::numeric_limits<std::int16_t>::max()));
}

bool is_waiting(JobState state) {
    return state == JobState::blocked || state == JobState::queued;
}

}  // namespace

Queue::Queue(QueueSettings settings)
    : settings_(std::move(settings)),
      next_id_(settings_.first_job_id),
      users_(settings_.user_weights),
      fair_(settings_.fair_share_half_life) {}

void Queue::begin_turn(Now now) {
    now_ = now;
    const Microseconds ahead = now.wall.time_since_epoch() - now.steady.time_since_epoch();
    if (!wall_known_ || ahead < wall_ahead_ || ahead > wall_ahead_ + clock_tolerance) wall_ahead_ = ahead;
    wall_known_ = true;
}

Effects Queue::end_turn() {
    follow_ends();
    ring_due();
    dispatch();
    arm_timer();
    return std::exchange(effects_, {});
}

Effects Queue::on(const Event& event, Now now) {
    begin_turn(now);
    ring_due();
    std::visit([this](const auto& what) { handle(what); }, event);
    return end_turn();
}

// ---- the life of a job ----------------------------------------------------------------------------------------------

void Queue::move(JobId id, const Move& move) {
    Job& job = *jobs_.find(id);
    const JobState from = job.state;
    const AttemptNumber from_attempt = job.attempt;
    const bool asks_only = move.what == JobMove::request_cancel || move.what == JobMove::ready;
    WINDLASS_CHECK(allowed(from, move.what, move.to), "the queue tried a move that job_state.h does not allow");

    if (!asks_only) leave_state(id, job, move);
    jobs_.set_state(job, move.to);
    if (move.what == JobMove::lease) job.attempt = std::max(job.attempt, settings_.attempts_after) + 1;
    const bool ready = move.what == JobMove::ready || (asks_only && job.ready);
    if (job.ready && !ready) service_addresses_.erase(id);
    job.ready = ready;
    if (move.what == JobMove::request_cancel) job.cancel_requested = true;
    if (move.started) job.started = *move.started;
    job.failures = small_sum(job.failures, move.failures);
    job.losses = small_sum(job.losses, move.losses);
    ++job.event_seq;

    const std::optional<WallTime> finished = is_final(move.to) ? std::optional(now_.wall) : std::nullopt;
    const StateRow row = job.row(array_of(id, job), is_leased(move.to) ? move.worker : WorkerId{}, finished);
    effects_.push_back(ChangeState{id, from, from_attempt, row});
    effects_.push_back(
        RecordEvent{id, job.event_seq, now_.wall, move.what, move.to, job.attempt, move.worker, move.detail});
    if (!asks_only) enter_state(id, job, move);
}

void Queue::leave_state(JobId id, Job& job, const Move& move) {
    if (is_waiting(job.state)) {
        count_waiting(job, -weight_of(id, job));
        if (job.state == JobState::queued)
            leave_line(id, job);
        else
            dependencies_.remove(id);
        if (job.has_rules) deadlines_.erase(id);
    }
    if (is_leased(job.state) && !is_leased(move.to)) end_lease(id, job, move);
}

void Queue::end_lease(JobId id, const Job& job, const Move& move) {
    const Lease lease = *leases_.find(id);
    const UserIndex user = user_index(job);
    const std::int32_t cpu_millis = needs_[job.kind].cpu_millis;
    fair_.settle(job.share, lease.commitment, cpu_millis, move.used, now_.steady);
    leases_.remove(id);
    if (move.handed_back)
        workers_.hand_back(lease.worker, id);
    else
        workers_.release(lease.worker, id);
    if (job.state == JobState::running) users_.attempt_ended(user, cpu_millis, job.started);
    if (move.used > Microseconds{0}) {
        const Microseconds cpu{move.used.count() * cpu_millis / 1000};
        const std::int64_t day = day_of(wall_now());
        users_.add_use(user, day, cpu);
        effects_.push_back(AddUsage{users_[user].id, day, cpu});
        if (move.what != JobMove::requeue) queues_[queue_index(job)].note_wall(move.used);
    }
    count_lease(job, -1);
    if (users_[user].out_of_cpu()) check_cpu(user);
}

void Queue::enter_state(JobId id, Job& job, const Move& move) {
    if (is_waiting(move.to)) {
        count_waiting(job, weight_of(id, job));
        const JobRules* rules = rules_of(id, job);
        if (rules != nullptr && rules->deadline) deadlines_.set(id, *rules->deadline);
        if (move.to == JobState::queued) wait(id, job, move.pause);
    }
    if (move.what == JobMove::lease) {
        needs_.note_passed_over(job.kind, std::nullopt);
        const FairShare::Commitment commitment = fair_.commit(job.share, needs_[job.kind].cpu_millis, now_.steady);
        leases_.add(id, {move.worker, job.attempt, lease_end(), commitment});
        count_lease(job, 1);
    }
    if (move.what == JobMove::start) users_.attempt_started(user_index(job), needs_[job.kind].cpu_millis, job.started);
    if (is_final(move.to)) {
        effects_.push_back(JobEnded{id, move.to});
        ended_.push_back({id, move.to, array_of(id, job)});
        --queues_[queue_index(job)].records;
        needs_.remove(job.kind);
        if (job.has_rules && !job.is_member) rules_.erase(id);
        if (job.is_array) forget_array(id);
        jobs_.erase(id);
    }
}

// The current attempt is over and says nothing about the job: queued again, in its old place, unless the job is to end.
void Queue::requeue_or_end(JobId id, Move requeue) {
    const Job& job = *jobs_.find(id);
    if (WINDLASS_GUARD(cancel_holds_when_lost) && job.cancel_requested) {
        requeue.what = JobMove::cancel;
        requeue.to = JobState::cancelled;
    } else if (WINDLASS_GUARD(crash_limit) && job.losses + requeue.losses >= settings_.crash_limit) {
        requeue.what = JobMove::give_up;
        requeue.to = JobState::lost;
    } else if (requeue.losses > 0) {
        requeue.pause = pause_after(id, job, 0, job.losses + requeue.losses);
    }
    move(id, requeue);
}

void Queue::lose(JobId id, const std::string& detail) {
    const Lease lease = *leases_.find(id);
    const AttemptRef attempt{id, lease.attempt};
    effects_.push_back(RecordLoss{attempt, lease.worker, detail});
    requeue_or_end(
        id, {.what = JobMove::requeue, .to = JobState::queued, .worker = lease.worker, .detail = detail, .losses = 1});
    // It may be alive and have the attempt all the same.
    if (connected(lease.worker)) effects_.push_back(SendRevoke{lease.worker, attempt});
}

void Queue::request_cancel(JobId id, const Job& job, const std::string& detail) {
    if (job.cancel_requested) return;
    const Lease lease = *leases_.find(id);
    move(id, {.what = JobMove::request_cancel, .to = job.state, .worker = lease.worker, .detail = detail});
    if (connected(lease.worker)) effects_.push_back(SendCancel{lease.worker, {id, lease.attempt}});
}

void Queue::cancel_waiting(JobId id, const std::string& detail) {
    if (jobs_.find(id)->is_array) close_array(id, JobState::cancelled);
    move(id, {.what = JobMove::cancel, .to = JobState::cancelled, .detail = detail});
}

void Queue::expire(JobId id) {
    const Job& job = *jobs_.find(id);
    deadlines_.erase(id);
    if (job.is_array) {
        const Array& array = *arrays_.find(id);
        const bool untouched = array.live.empty() && array.ended() == 0;
        if (WINDLASS_GUARD(deadline_of_array)) close_array(id, JobState::timed_out);
        // Members that have a row end one by one, each by its own deadline.
        if (job.state == JobState::queued && !untouched) return settle_if_complete(id);
    }
    move(id, {.what = JobMove::expire, .to = JobState::timed_out, .detail = "its deadline passed"});
}

void Queue::follow_ends() {
    while (!ended_.empty()) {
        const Ended ended = ended_.front();
        ended_.pop_front();
        if (ended.array) member_ended(ended.array, ended.job, ended.state);
        if (!dependencies_.anybody_waits()) continue;
        for (const JobId waiting : dependencies_.waiting_for(ended.job)) settle_dependency(waiting, ended);
    }
}

void Queue::settle_dependency(JobId waiting, const Ended& ended) {
    const auto unmet = dependencies_.settle(waiting, ended.job, ended.state);
    if (unmet)
        cancel_waiting(waiting, unmeetable(ended.job, ended.state, *unmet));
    else if (!WINDLASS_GUARD(every_dependency) || dependencies_.waits_of(waiting).empty())
        move(waiting, {.what = JobMove::release, .to = JobState::queued});
}

JobId Queue::array_of(JobId id, const Job& job) const {
    return job.is_member ? *arrays_.array_of(id) : JobId{};
}

const JobRules* Queue::rules_of(JobId id, const Job& job) const {
    if (!job.has_rules) return nullptr;
    return &rules_.at(job.is_member ? array_of(id, job) : id);
}

// ---- questions ------------------------------------------------------------------------------------------------------

Queue::Counts Queue::counts() const {
    Counts counts;
    for (QueueIndex queue = 0; queue < queues_.size(); ++queue) {
        counts.blocked += static_cast<std::size_t>(queues_[queue].blocked);
        counts.queued += static_cast<std::size_t>(queues_[queue].queued);
    }
    counts.starting = jobs_.count(JobState::starting);
    counts.running = jobs_.count(JobState::running);
    counts.workers_connected = workers_.connected();
    return counts;
}

std::optional<StateRow> Queue::row(JobId id) const {
    const Job* job = jobs_.find(id);
    if (job == nullptr) return std::nullopt;
    const Lease* lease = leases_.find(id);
    return job->row(array_of(id, *job), lease == nullptr ? WorkerId{} : lease->worker);
}

UserId Queue::owner(JobId id) const {
    const Job* job = jobs_.find(id);
    return job == nullptr ? UserId{} : users_[fair_.user_of(job->share)].id;
}

bool Queue::is_active(JobId id) const {
    if (jobs_.find(id) != nullptr) return true;
    const std::optional<JobId> array = arrays_.array_of(id);
    return array && arrays_.is_unstarted(*array, id);
}

std::vector<WorkerView> Queue::list_workers() const {
    std::vector<WorkerView> views;
    for (const auto& [id, worker] : workers_.unordered()) {
        WorkerView view{.worker = id,
                        .capacity = worker.capacity,
                        .connected = worker.connected,
                        .draining = worker.draining || worker.drained,
                        .cpu_millis_used = worker.cpu_used,
                        .memory_bytes_used = worker.memory_used,
                        .attempts = {}};
        for (const JobId job : worker.leases()) view.attempts.push_back({job, leases_.find(job)->attempt});
        views.push_back(std::move(view));
    }
    for (const WorkerId id : workers_.drained())
        if (workers_.find(id) == nullptr)
            views.push_back({.worker = id, .capacity = {}, .draining = true, .attempts = {}});
    std::sort(views.begin(), views.end(), [](const WorkerView& a, const WorkerView& b) { return a.worker < b.worker; });
    return views;
}

std::vector<JobId> Queue::jobs_of(WorkerId worker) const {
    const Worker* known = workers_.find(worker);
    if (known == nullptr) return {};
    const auto leases = known->leases();
    return {leases.begin(), leases.end()};
}

}  // namespace windlass::scheduler
