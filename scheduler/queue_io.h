// What the queue is told (events) and what it wants done (effects). Plain values: no socket, thread, clock, database or
// randomness. The shell (service.cpp) carries effects out in order, with one rule: nothing that tells somebody outside
// (send_…, answer_…, job_ended) is carried out before everything persisted up to it is durable.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "shared/ids.h"
#include "shared/job_state.h"
#include "shared/limits.h"
#include "shared/outcome.h"
#include "shared/time.h"

namespace windlass::scheduler {

// What a job takes from a worker while it holds a lease there.
struct Need {
    std::int32_t cpu_millis = 1000;
    std::int64_t memory_bytes = 0;
    bool operator==(const Need&) const = default;
};

struct Capacity {
    std::int32_t cpu_millis = 0;
    std::int64_t memory_bytes = 0;
    // How many attempts beyond the capacity the worker will hold ready (state starting) while its jobs are short. The
    // queue decides how much of it to use; the worker hands back what it could not start soon (AttemptReturned).
    std::int32_t prefetch = 0;
};

// The thin, changing part of a job: one row of job_state.
struct StateRow {
    JobState state = JobState::queued;
    AttemptNumber attempt = 0;  // of the current or last attempt
    std::int16_t failures = 0;  // attempts that ended through the job's own fault
    std::int16_t losses = 0;    // attempts lost with their worker
    WorkerId worker;            // set exactly in starting and running
    bool cancel_requested = false;
    std::optional<WallTime> started;   // of the last attempt that ran
    std::optional<WallTime> finished;  // exactly in the final states
    std::int32_t event_seq = 0;        // number of the last event of this job

    bool operator==(const StateRow&) const = default;
};

// ---- events ---------------------------------------------------------------------------------------------------------

struct NewJob {
    UserId owner;
    std::int16_t priority = 0;
    std::int32_t max_attempts = 1;
    Need need;
};
// All of them come into being, in this order, with consecutive ids.
struct Submit {
    RequestId request;
    std::vector<NewJob> jobs;
};
struct CancelJob {
    RequestId request;
    JobId job;
};
// A worker (re)connected. `held`: every attempt it has in hand: waiting, running, or ended with the result not yet
// acknowledged. Leases the queue knows that are not in it are lost at once; attempts in it that are current are
// adopted; the others are revoked.
struct WorkerJoined {
    WorkerId worker;
    Capacity capacity;
    std::vector<AttemptRef> held;
};
// The connection is gone. Its leases go on until they expire: the worker may be alive behind a cut cable.
struct WorkerLeft {
    WorkerId worker;
};
struct LeasesRenewed {
    WorkerId worker;
    std::vector<AttemptRef> held;
};
// The worker wants nothing more (SIGTERM, or drained by an operator). Answered by no further lease.
struct WorkerDraining {
    WorkerId worker;
};
struct AttemptStarted {
    WorkerId worker;
    AttemptRef attempt;
};
struct AttemptFinished {
    WorkerId worker;
    AttemptRef attempt;
    OutcomeKind outcome = OutcomeKind::exited;
    std::int32_t exit_code = 0;  // of exited: 0 is success
    Microseconds wall{};         // how long it held its slot
};
// Handed back without having been started: no fault of anybody, counts as nothing.
struct AttemptReturned {
    WorkerId worker;
    AttemptRef attempt;
};
// The timer that was armed rang (or any other moment: harmless).
struct TimePassed {};

using Event = std::variant<Submit, CancelJob, WorkerJoined, WorkerLeft, LeasesRenewed, WorkerDraining, AttemptStarted,
                           AttemptFinished, AttemptReturned, TimePassed>;

// ---- effects: to be made durable ------------------------------------------------------------------------------------

// Job number `index` of submit `request` is born with this row (already leased, perhaps, by a ChangeState that
// follows).
struct InsertJob {
    JobId job;
    RequestId request;
    std::size_t index = 0;
    StateRow row;
};
// The write is allowed only on top of (`from_state`, `from_attempt`): the fence.
struct ChangeState {
    JobId job;
    JobState from_state = JobState::queued;
    AttemptNumber from_attempt = 0;
    StateRow row;
};
// One transition, append-only. (job, seq) is unique.
struct RecordEvent {
    JobId job;
    std::int32_t seq = 0;
    WallTime at{};
    JobMove move = JobMove::submit;
    JobState state = JobState::queued;  // after the move
    AttemptNumber attempt = 0;
    WorkerId worker;     // whom it concerns; 0 if nobody
    std::string detail;  // a word or a sentence; may be empty
};
// The result that came with the AttemptFinished just handled is this attempt's result: keep it.
struct AcceptResult {
    AttemptRef attempt;
    WorkerId worker;
};
// An attempt ended without a result of its own (worker lost): keep a row that says so.
struct RecordLoss {
    AttemptRef attempt;
    WorkerId worker;
    std::string detail;
};

// ---- effects: to be told, after what precedes them is durable ------------------------------------------------------

struct SendLease {
    WorkerId worker;
    AttemptRef attempt;
};
// Stop it (TERM, grace, KILL), then report it as finished.
struct SendCancel {
    WorkerId worker;
    AttemptRef attempt;
};
// You have no right to this attempt: kill it now, drop its result, report nothing.
struct SendRevoke {
    WorkerId worker;
    AttemptRef attempt;
};
// The result is durable (or was stale): forget it.
struct AcknowledgeFinish {
    WorkerId worker;
    AttemptRef attempt;
    bool accepted = false;
};
// Answers LeasesRenewed: the attempts that are still the worker's. Everything else is revoked separately.
struct AnswerRenewal {
    WorkerId worker;
    std::vector<AttemptRef> kept;
};
struct AnswerSubmit {
    RequestId request;
    JobId first;  // ids are first, first+1, …
    std::size_t count = 0;
};
enum class CancelAnswer : std::int16_t {
    cancelled = 0,   // it was waiting; it is cancelled now
    requested = 1,   // a worker has it; it will be cancelled when its processes are gone
    not_active = 2,  // the queue does not know it: it already ended, or never was
};
struct AnswerCancel {
    RequestId request;
    JobId job;
    CancelAnswer answer = CancelAnswer::not_active;
};
// The job reached a final state: wake whoever waits for it.
struct JobEnded {
    JobId job;
    JobState state = JobState::succeeded;
};
// Send TimePassed not before, and soon after, this moment. Replaces the timer armed before.
struct ArmTimer {
    SteadyTime at{};
};

using Effect =
    std::variant<InsertJob, ChangeState, RecordEvent, AcceptResult, RecordLoss, SendLease, SendCancel, SendRevoke,
                 AcknowledgeFinish, AnswerRenewal, AnswerSubmit, AnswerCancel, JobEnded, ArmTimer>;
using Effects = std::vector<Effect>;

// True for the effects a store carries out; the others leave the process.
constexpr bool is_persistent(const Effect& effect) {
    return effect.index() <= 4;
}

// ---- restart --------------------------------------------------------------------------------------------------------

// A job that had not ended when the last scheduler stopped, as the store has it.
struct StoredJob {
    JobId job;
    NewJob seed;
    StateRow row;
};

struct QueueSettings {
    JobId first_job_id{100'000'001};  // above the highest id a Slurm cluster can use (67,043,328)
    Milliseconds lease_ttl{15'000};   // a lease lives this long after its last renewal …
    Milliseconds lease_grace{
        5'000};  // … and is handed out again only this much later: the worker has killed its own jobs by then
    std::int16_t crash_limit = 5;           // so many losses and the job is given up as lost
    std::map<UserId, double> user_weights;  // a user of weight 2 gets twice the share of one of weight 1 (the default)
    Milliseconds fair_share_half_life{Milliseconds{3'600'000}};  // recent use counts half after this long
};

}  // namespace windlass::scheduler
