#include "scheduler/queue.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "shared/result.h"

namespace windlass::scheduler {

namespace {

constexpr int small_max = std::numeric_limits<std::int16_t>::max();

std::int16_t small_sum(int a, int b) {
    return static_cast<std::int16_t>(std::min(a + b, small_max));
}

// Did a process of the attempt ever run? Decides whether the log of a finish without a start is completed.
bool ran(const AttemptFinished& event) {
    switch (event.outcome) {
        case OutcomeKind::setup_failed:
            return false;
        case OutcomeKind::cancelled:
        case OutcomeKind::worker_lost:
            return event.wall > Microseconds{0};
        default:
            return true;
    }
}

JobState final_state(const AttemptFinished& event) {
    if (event.outcome == OutcomeKind::exited && event.exit_code == 0) return JobState::succeeded;
    if (event.outcome == OutcomeKind::out_of_time) return JobState::timed_out;
    return JobState::failed;
}

std::string describe(const AttemptFinished& event) {
    if (event.outcome == OutcomeKind::exited) return "exited with " + std::to_string(event.exit_code);
    return std::string(name(event.outcome));
}

}  // namespace

Queue::Queue(QueueSettings settings)
    : settings_(settings),
      next_id_(settings.first_job_id),
      fair_(settings.fair_share_half_life, settings.user_weights) {}

Effects Queue::restore(const std::vector<StoredJob>& jobs, JobId highest_job, Now now) {
    WINDLASS_CHECK(jobs_.size() == 0, "the queue was restored twice");
    now_ = now;
    next_id_ = std::max(settings_.first_job_id, JobId{highest_job.value + 1});
    jobs_.reserve(jobs.size());
    for (const StoredJob& stored : jobs) {
        const StateRow& row = stored.row;
        WINDLASS_CHECK(!is_final(row.state), "the store handed over a job that has ended");
        const Job job{.started = row.started.value_or(Job::never),
                      .user = fair_.user(stored.seed.owner),
                      .kind = needs_.add(stored.seed.need),
                      .attempt = row.attempt,
                      .event_seq = row.event_seq,
                      .max_attempts = static_cast<std::int16_t>(std::min(stored.seed.max_attempts, small_max)),
                      .failures = row.failures,
                      .losses = row.losses,
                      .priority = static_cast<std::int8_t>(stored.seed.priority),
                      .cancel_requested = row.cancel_requested,
                      .state = row.state};
        WINDLASS_CHECK(jobs_.insert(stored.job, job), "the store handed over a job twice");
        if (row.state == JobState::queued) wait_in_line(stored.job, job);
        if (is_leased(row.state)) {
            const FairShare::Commitment commitment = fair_.commit(job.user, stored.seed.need.cpu_millis, now.steady);
            leases_.add(stored.job, {row.worker, row.attempt, lease_end(), commitment});
            workers_.take_restored(row.worker, stored.job, stored.seed.need);
        }
    }
    arm_timer();
    return std::exchange(effects_, {});
}

Effects Queue::on(const Event& event, Now now) {
    now_ = now;
    std::visit([this](const auto& what) { handle(what); }, event);
    dispatch();
    arm_timer();
    return std::exchange(effects_, {});
}

// ---- the life of a job ----------------------------------------------------------------------------------------------

void Queue::born(JobId id, RequestId request, std::size_t index, const NewJob& seed) {
    const Job job{.user = fair_.user(seed.owner),
                  .kind = needs_.add(seed.need),
                  .event_seq = 1,
                  .max_attempts = static_cast<std::int16_t>(std::clamp(seed.max_attempts, 1, small_max)),
                  .priority = static_cast<std::int8_t>(std::clamp<int>(seed.priority, min_priority, max_priority)),
                  .state = JobState::queued};
    WINDLASS_CHECK(allowed_at_birth(job.state) && jobs_.insert(id, job), "a job was born twice");
    effects_.push_back(InsertJob{id, request, index, job.row(WorkerId{})});
    effects_.push_back(RecordEvent{.job = id, .seq = 1, .at = now_.wall, .move = JobMove::submit, .state = job.state});
    wait_in_line(id, job);
}

void Queue::move(JobId id, const Move& move) {
    Job& job = *jobs_.find(id);
    const JobState from = job.state;
    const AttemptNumber from_attempt = job.attempt;
    WINDLASS_CHECK(allowed(from, move.what, move.to), "the queue tried a move that job_state.h does not allow");

    leave_state(id, job, move);
    jobs_.set_state(job, move.to);
    if (move.what == JobMove::lease) ++job.attempt;
    if (move.what == JobMove::request_cancel) job.cancel_requested = true;
    if (move.started) job.started = *move.started;
    job.failures = small_sum(job.failures, move.failures);
    job.losses = small_sum(job.losses, move.losses);
    ++job.event_seq;

    const std::optional<WallTime> finished = is_final(move.to) ? std::optional(now_.wall) : std::nullopt;
    const StateRow row = job.row(is_leased(move.to) ? move.worker : WorkerId{}, finished);
    effects_.push_back(ChangeState{id, from, from_attempt, row});
    effects_.push_back(
        RecordEvent{id, job.event_seq, now_.wall, move.what, move.to, job.attempt, move.worker, move.detail});
    enter_state(id, job, move);
}

void Queue::leave_state(JobId id, const Job& job, const Move& move) {
    if (job.state == JobState::queued) {
        waiting_.erase(job.user, job.kind, job.priority, id);
        fair_.set_in_line(job.user, waiting_.size(job.user) > 0);
    }
    if (is_leased(job.state) && !is_leased(move.to)) {
        const Lease lease = *leases_.find(id);
        fair_.settle(job.user, lease.commitment, needs_[job.kind].cpu_millis, move.used, now_.steady);
        leases_.remove(id);
        if (move.handed_back)
            workers_.hand_back(lease.worker, id);
        else
            workers_.release(lease.worker, id);
    }
}

void Queue::enter_state(JobId id, Job& job, const Move& move) {
    if (move.to == JobState::queued) wait_in_line(id, job);
    if (move.what == JobMove::lease) {
        const FairShare::Commitment commitment = fair_.commit(job.user, needs_[job.kind].cpu_millis, now_.steady);
        leases_.add(id, {move.worker, job.attempt, lease_end(), commitment});
    }
    if (is_final(move.to)) {
        effects_.push_back(JobEnded{id, move.to});
        needs_.remove(job.kind);
        jobs_.erase(id);
    }
}

void Queue::wait_in_line(JobId id, const Job& job) {
    waiting_.insert(job.user, job.kind, job.priority, id);
    fair_.set_in_line(job.user, true);
    // Only a job that fits somewhere is a reason to look: a full cluster takes submits without looking at anything.
    if ((!scan_.wanted || scan_.position) && place_for(job.kind)) want_scan();
}

// The current attempt is over and says nothing about the job: queued again, in its old place, unless the job is to end.
void Queue::requeue_or_end(JobId id, Move requeue) {
    const Job& job = *jobs_.find(id);
    if (job.cancel_requested) {
        requeue.what = JobMove::cancel;
        requeue.to = JobState::cancelled;
    } else if (job.losses + requeue.losses >= settings_.crash_limit) {
        requeue.what = JobMove::give_up;
        requeue.to = JobState::lost;
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

void Queue::settle_finish(JobId id, const AttemptFinished& event) {
    const Job& job = *jobs_.find(id);
    Move end{.what = JobMove::finish,
             .to = final_state(event),
             .worker = event.worker,
             .detail = describe(event),
             .used = event.wall};
    if (is_infrastructure(event.outcome)) {
        end.what = JobMove::requeue;
        end.to = JobState::queued;
        end.losses = 1;
        requeue_or_end(id, end);
        return;
    }
    if (end.to != JobState::succeeded && event.outcome != OutcomeKind::cancelled) end.failures = 1;
    // A cancellation that was acknowledged holds, however the attempt ended.
    if (job.cancel_requested || event.outcome == OutcomeKind::cancelled) {
        end.what = JobMove::cancel;
        end.to = JobState::cancelled;
    } else if (end.failures > 0 && job.failures + 1 < job.max_attempts) {
        end.what = JobMove::retry;
        end.to = JobState::queued;
    }
    move(id, end);
}

// ---- what clients want ----------------------------------------------------------------------------------------------

void Queue::handle(const Submit& event) {
    const JobId first = next_id_;
    for (std::size_t index = 0; index < event.jobs.size(); ++index) {
        born(next_id_, event.request, index, event.jobs[index]);
        ++next_id_.value;
    }
    dispatch();
    effects_.push_back(AnswerSubmit{event.request, first, event.jobs.size()});
}

void Queue::handle(const CancelJob& event) {
    const auto answer = [&](CancelAnswer what) { effects_.push_back(AnswerCancel{event.request, event.job, what}); };
    const Job* job = jobs_.find(event.job);
    if (job == nullptr) return answer(CancelAnswer::not_active);
    if (!is_leased(job->state)) {
        move(event.job, {.what = JobMove::cancel, .to = JobState::cancelled});
        return answer(CancelAnswer::cancelled);
    }
    if (!job->cancel_requested) {
        const Lease lease = *leases_.find(event.job);
        move(event.job, {.what = JobMove::request_cancel, .to = job->state, .worker = lease.worker});
        if (connected(lease.worker)) effects_.push_back(SendCancel{lease.worker, {event.job, lease.attempt}});
    }
    answer(CancelAnswer::requested);
}

// ---- what workers say -----------------------------------------------------------------------------------------------

bool Queue::connected(WorkerId id) const {
    const Worker* worker = workers_.find(id);
    return worker != nullptr && worker->connected;
}

void Queue::handle(const WorkerJoined& event) {
    std::vector<AttemptRef> held = event.held;
    std::sort(held.begin(), held.end());
    const Worker* known = workers_.find(event.worker);
    std::vector<WorkerTable::Held> adopted;
    for (const JobId id : known == nullptr ? std::vector<JobId>{} : known->leases()) {
        const AttemptRef attempt{id, leases_.find(id)->attempt};
        if (!std::binary_search(held.begin(), held.end(), attempt)) {
            lose(id, "the worker came back without it");
            continue;
        }
        const Job& job = *jobs_.find(id);
        leases_.renew(id, lease_end());
        adopted.push_back({id, needs_[job.kind], job.state == JobState::running});
        if (job.cancel_requested) effects_.push_back(SendCancel{event.worker, attempt});
    }
    for (const AttemptRef& attempt : held)
        if (!leases_.is_current(attempt, event.worker)) effects_.push_back(SendRevoke{event.worker, attempt});
    workers_.join(event.worker, event.capacity, std::move(adopted));
}

void Queue::handle(const WorkerLeft& event) {
    workers_.leave(event.worker);
}

void Queue::handle(const WorkerDraining& event) {
    workers_.drain(event.worker);
}

void Queue::handle(const LeasesRenewed& event) {
    // The answer comes last: a connection that breaks before it leaves the worker unanswered, never answered with an
    // order missing.
    AnswerRenewal answer{event.worker, {}};
    for (const AttemptRef& attempt : event.held) {
        if (!leases_.is_current(attempt, event.worker)) {
            effects_.push_back(SendRevoke{event.worker, attempt});
            continue;
        }
        leases_.renew(attempt.job, lease_end());
        answer.kept.push_back(attempt);
        if (jobs_.find(attempt.job)->cancel_requested) effects_.push_back(SendCancel{event.worker, attempt});
    }
    effects_.push_back(std::move(answer));
    workers_.wake(event.worker);
}

void Queue::handle(const AttemptStarted& event) {
    const JobId id = event.attempt.job;
    if (!leases_.is_current(event.attempt, event.worker)) {
        effects_.push_back(SendRevoke{event.worker, event.attempt});
        return;
    }
    if (jobs_.find(id)->state == JobState::running) return;  // said before
    move(id, {.what = JobMove::start, .to = JobState::running, .worker = event.worker, .started = now_.wall});
    workers_.started(event.worker, id);
}

void Queue::handle(const AttemptFinished& event) {
    const JobId id = event.attempt.job;
    if (!leases_.is_current(event.attempt, event.worker)) {
        effects_.push_back(AcknowledgeFinish{event.worker, event.attempt, false});
        return;
    }
    if (jobs_.find(id)->state == JobState::starting && ran(event))
        move(id, {.what = JobMove::start,
                  .to = JobState::running,
                  .worker = event.worker,
                  .started = now_.wall - event.wall});
    if (!is_infrastructure(event.outcome) && event.outcome != OutcomeKind::cancelled)
        workers_.note_wall(event.worker, event.wall);
    // A node on which no sandbox can be built is always idle, and would swallow one job after the other.
    if (event.outcome == OutcomeKind::setup_failed)
        workers_.rest(event.worker);
    else
        workers_.wake(event.worker);
    effects_.push_back(AcceptResult{event.attempt, event.worker});
    settle_finish(id, event);
    effects_.push_back(AcknowledgeFinish{event.worker, event.attempt, true});
}

void Queue::handle(const AttemptReturned& event) {
    if (!leases_.is_current(event.attempt, event.worker)) return;  // it has let go of it already
    requeue_or_end(event.attempt.job, {.what = JobMove::requeue,
                                       .to = JobState::queued,
                                       .worker = event.worker,
                                       .detail = "handed back by the worker",
                                       .handed_back = true});
}

void Queue::handle(const TimePassed&) {
    armed_.reset();  // it rang
    while (const std::optional<JobId> id = leases_.expired(now_.steady))
        lose(*id, "the worker stopped renewing its lease");
}

// ---- questions ------------------------------------------------------------------------------------------------------

Queue::Counts Queue::counts() const {
    return {jobs_.count(JobState::blocked), jobs_.count(JobState::queued), jobs_.count(JobState::starting),
            jobs_.count(JobState::running), workers_.connected()};
}

std::optional<StateRow> Queue::row(JobId id) const {
    const Job* job = jobs_.find(id);
    if (job == nullptr) return std::nullopt;
    const Lease* lease = leases_.find(id);
    return job->row(lease == nullptr ? WorkerId{} : lease->worker);
}

}  // namespace windlass::scheduler
