// What workers say, and what becomes of a job when its attempt ends.
#include <algorithm>
#include <utility>

#include "scheduler/queue.h"
#include "scheduler/retry_policy.h"
#include "shared/guard.h"
#include "shared/result.h"

namespace windlass::scheduler {

namespace {

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

// Only who has the attempt may say anything about it (unless the fence is taken away, by a test).
bool Queue::may_speak(const AttemptRef& attempt, WorkerId worker, bool fenced) const {
    return leases_.is_current(attempt, worker) || (!fenced && leases_.find(attempt.job) != nullptr);
}

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
        if (WINDLASS_GUARD(join_ends_what_is_missing) && !std::binary_search(held.begin(), held.end(), attempt)) {
            lose(id, "the worker came back without it");
            continue;
        }
        const Job& job = *jobs_.find(id);
        leases_.renew(id, lease_end());
        adopted.push_back({id, &needs_[job.kind], job.state == JobState::running});
        if (job.cancel_requested) effects_.push_back(SendCancel{event.worker, attempt});
    }
    for (const AttemptRef& attempt : held)
        if (WINDLASS_GUARD(join_revokes_what_is_stale) && !leases_.is_current(attempt, event.worker))
            effects_.push_back(SendRevoke{event.worker, attempt});
    if (const auto reservation = reservations_.of_worker(event.worker)) drop_reservation(*reservation);
    workers_.join(event.worker, event.capacity, std::move(adopted));
}

void Queue::handle(const WorkerLeft& event) {
    if (const auto reservation = reservations_.of_worker(event.worker)) drop_reservation(*reservation);
    workers_.leave(event.worker);
}

void Queue::handle(const WorkerDraining& event) {
    if (const auto reservation = reservations_.of_worker(event.worker)) drop_reservation(*reservation);
    workers_.drain(event.worker);
}

void Queue::handle(const LeasesRenewed& event) {
    // The answer comes last: a connection that breaks before it leaves the worker unanswered, never answered with an
    // order missing.
    AnswerRenewal answer{event.worker, {}};
    for (const AttemptRef& attempt : event.held) {
        if (!may_speak(attempt, event.worker, WINDLASS_GUARD(fence_of_renewed))) {
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
    if (!may_speak(event.attempt, event.worker, WINDLASS_GUARD(fence_of_started))) {
        effects_.push_back(SendRevoke{event.worker, event.attempt});
        return;
    }
    if (WINDLASS_GUARD(started_once) && jobs_.find(id)->state == JobState::running) return;  // said before
    move(id, {.what = JobMove::start, .to = JobState::running, .worker = event.worker, .started = now_.wall});
    workers_.started(event.worker, id);
}

// Said again after every reconnect. A worker that was started again may say another address, if it takes any port. Of
// two that are recorded (also when this scheduler was started in between) the later counts.
void Queue::handle(const AttemptReady& event) {
    const JobId id = event.attempt.job;
    if (!may_speak(event.attempt, event.worker, true)) {
        effects_.push_back(SendRevoke{event.worker, event.attempt});
        return;
    }
    const Job& job = *jobs_.find(id);
    if (job.state != JobState::running) return;
    std::string& address = service_addresses_[id];
    if (job.ready && address == event.address) return;
    address = event.address;
    move(id, {.what = JobMove::ready, .to = JobState::running, .worker = event.worker, .detail = event.address});
}

void Queue::handle(const AttemptFinished& event) {
    const JobId id = event.attempt.job;
    if (!may_speak(event.attempt, event.worker, WINDLASS_GUARD(fence_of_finished))) {
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
    // It may have let go of it already.
    if (!may_speak(event.attempt, event.worker, WINDLASS_GUARD(fence_of_returned))) return;
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

void Queue::settle_finish(JobId id, const AttemptFinished& event) {
    const Job& job = *jobs_.find(id);
    const JobRules* rules = rules_of(id, job);
    const bool may_retry = rules == nullptr || (is_tried_again_after(event, rules->retry_on) &&
                                                (!rules->deadline || *rules->deadline > wall_now()));
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
    if ((WINDLASS_GUARD(cancel_holds_when_finished) && job.cancel_requested) ||
        event.outcome == OutcomeKind::cancelled) {
        end.what = JobMove::cancel;
        end.to = JobState::cancelled;
    } else if (end.failures > 0 && (!WINDLASS_GUARD(max_attempts) || job.failures + 1 < job.max_attempts) &&
               may_retry) {
        end.what = JobMove::retry;
        end.to = JobState::queued;
        end.pause = pause_after(id, job, job.failures + 1, 0);
    }
    move(id, end);
}

}  // namespace windlass::scheduler
