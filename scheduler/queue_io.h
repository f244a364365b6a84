// What the queue is told (events) and what it wants done (effects). Plain values: no socket, thread, clock, database or
// randomness. The shell (service.cpp) carries effects out in order, with one rule: nothing that tells somebody outside
// (send_…, answer_…, job_ended) is carried out before everything persisted up to it is durable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "shared/ids.h"
#include "shared/job.h"
#include "shared/job_state.h"
#include "shared/limits.h"
#include "shared/outcome.h"
#include "shared/time.h"

namespace windlass::scheduler {

// What a job takes from a worker while it holds a lease there.
struct Need {
    std::int32_t cpu_millis = 1000;
    std::int64_t memory_bytes = 0;
    std::map<std::string, std::int64_t> resources;  // of each so many, e.g. gpu: 1
    std::map<std::string, std::string> labels;      // the worker must have every one of them, with this value
    bool operator==(const Need&) const = default;
};

struct Capacity {
    std::int32_t cpu_millis = 0;
    std::int64_t memory_bytes = 0;
    // How many attempts beyond the capacity the worker will hold ready (state starting) while its jobs are short. The
    // queue decides how much of it to use; the worker hands back what it could not start soon (AttemptReturned).
    std::int32_t prefetch = 0;
    std::map<std::string, std::int64_t> resources;
    std::map<std::string, std::string> labels;
};

// The thin, changing part of a job: one row of job_state.
struct StateRow {
    JobId array;  // of a member: the array it belongs to; 0 otherwise
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

// One thing that a job waits for before it is queued.
struct Dependency {
    JobId job;              // another job; 0: one of the same Submit …
    std::size_t index = 0;  // … with this index
    DependencyCondition condition = DependencyCondition::ok;
    // What the store says of a job that the queue does not know (it ended before). Without it an unknown job is one
    // that will never meet any condition.
    std::optional<JobState> ended;
    bool operator==(const Dependency&) const = default;
};
// What only some jobs have: kept apart from the record that every queued job costs.
struct JobRules {
    std::optional<RetryOn> retry_on;  // nullopt: any failure of its own
    Milliseconds retry_delay{0};      // 0: QueueSettings::retry_delay
    std::optional<WallTime> not_before;
    std::optional<WallTime> deadline;  // what still waits then ends as timed_out; the worker stops what runs
    bool operator==(const JobRules&) const = default;
};
struct ArrayShape {
    std::int64_t count = 0;                 // members; 0: no array
    std::optional<std::int64_t> max_fails;  // more failed members than this, and the rest is cancelled
    bool operator==(const ArrayShape&) const = default;
};
struct NewJob {
    UserId owner;
    std::int16_t priority = 0;
    std::int32_t max_attempts = 1;
    Need need;
    std::string queue{default_queue};
    JobRules rules;
    std::vector<Dependency> after;  // no cycles: whoever submits has looked
    ArrayShape array;
};
// All of them come into being, in this order, or none. Ids are consecutive; an array takes 1 + count of them, its own
// first, so the ids of the jobs are told one by one.
struct Submit {
    RequestId request;
    std::vector<NewJob> jobs;
    // Of the owner, as it is now. Kept for his next jobs until another Submit or SetQuota says otherwise; nullopt: as
    // it was.
    std::optional<Quota> quota;
};
// Cancels what it names: jobs, arrays (with all members), single members of arrays.
struct CancelJobs {
    RequestId request;
    std::vector<JobId> jobs;
    std::string reason;  // for the log of the job; may be empty
};
struct SetQuota {
    UserId user;
    Quota quota;
};
// A named queue comes into being or changes. weight > 0.
struct QueueConfig {
    std::string name;
    double weight = 1;
    std::optional<std::int64_t> max_running;
    bool held = false;
    std::string description;
    bool operator==(const QueueConfig&) const = default;
};
struct ConfigureQueue {
    RequestId request;
    QueueConfig config;
};
// Refused while jobs of it wait or run, and for "default".
struct RemoveQueue {
    RequestId request;
    std::string name;
};
// By an operator. A draining worker ends what it has and gets nothing more until it is resumed, also when it comes
// back.
struct DrainWorker {
    RequestId request;
    WorkerId worker;
    bool draining = true;
};
// The attempts of a worker that an operator knows to be dead are lost now, not when their leases run out. Only of a
// worker that is not connected: otherwise nothing happens.
struct ForgetWorker {
    RequestId request;
    WorkerId worker;
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
// The service of the attempt answers, and the worker says where it is to be found.
struct AttemptReady {
    WorkerId worker;
    AttemptRef attempt;
    std::string address;
};
struct AttemptFinished {
    WorkerId worker;
    AttemptRef attempt;
    OutcomeKind outcome = OutcomeKind::exited;
    std::int32_t exit_code = 0;  // of exited: 0 is success
    std::int32_t signal = 0;     // of signalled
    Microseconds wall{};         // how long it held its slot
};
// Handed back without having been started: no fault of anybody, counts as nothing.
struct AttemptReturned {
    WorkerId worker;
    AttemptRef attempt;
};
// The timer that was armed rang (or any other moment: harmless).
struct TimePassed {};

using Event = std::variant<Submit, CancelJobs, SetQuota, ConfigureQueue, RemoveQueue, DrainWorker, ForgetWorker,
                           WorkerJoined, WorkerLeft, LeasesRenewed, WorkerDraining, AttemptStarted, AttemptReady,
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
// Member `job` of the array row.array gets a row of its own: it is leased, or was dealt with alone.
struct InsertMember {
    JobId job;
    StateRow row;
};
// How far an array is. Of the last one of a turn only the last word counts.
struct ArrayRow {
    std::int64_t count = 0;
    std::int64_t next_member = 0;  // members before it have been started or dealt with one by one; from 0
    std::optional<std::int64_t> max_fails;
    std::int64_t succeeded = 0, failed = 0, timed_out = 0, cancelled = 0, lost = 0;  // members that ended so
    bool operator==(const ArrayRow&) const = default;
};
struct ChangeArray {
    JobId job;
    ArrayRow row;
};
struct StoreQueue {
    QueueConfig config;
};
struct DropQueue {
    std::string name;
};
struct StoreDraining {
    WorkerId worker;
    bool draining = false;
};
// Processor time held (cores times time) by attempts of a user that ended, to be added to what the day has.
struct AddUsage {
    UserId user;
    std::int64_t day = 0;  // since 1970, UTC
    Microseconds cpu{};
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
    std::vector<JobId> jobs;  // in the order of the submit
};
// Nothing of it came into being.
struct RefuseSubmit {
    enum class Why : std::int16_t { queued_quota = 0, cpu_quota = 1, no_such_queue = 2 };
    RequestId request;
    Why why = Why::queued_quota;
    std::string detail;           // a sentence for the person who submitted
    Milliseconds retry_after{0};  // 0: no use in trying again
};
enum class CancelAnswer : std::int16_t {
    cancelled = 0,   // it was waiting; it is cancelled now
    requested = 1,   // a worker has it; it will be cancelled when its processes are gone
    not_active = 2,  // the queue does not know it: it already ended, or never was
};
struct AnswerCancel {
    RequestId request;
    std::vector<CancelAnswer> answers;  // in the order of CancelJobs::jobs
};
// Answers ConfigureQueue, RemoveQueue, DrainWorker, ForgetWorker.
struct AnswerOperator {
    RequestId request;
    std::string refused;  // a sentence; empty: done
};
// The job reached a final state: wake whoever waits for it.
struct JobEnded {
    JobId job;
    JobState state = JobState::succeeded;
};
// An array has ended (JobEnded of it stands before), and these members with it, which had never started and have no
// row: wake whoever waits for one of them.
struct MembersEnded {
    JobId array;
    std::int64_t first = 0;         // the ids of members are array + 1 + number: from this number
    std::int64_t count = 0;         // … up to, without, this one
    std::set<std::int64_t> except;  // numbers that had started, or ended by themselves
    JobState state = JobState::cancelled;

    bool contains(JobId job) const {
        const std::int64_t number = job.value - array.value - 1;
        return number >= first && number < count && !except.contains(number);
    }
};
// Send TimePassed not before, and soon after, this moment. Replaces the timer armed before.
struct ArmTimer {
    SteadyTime at{};
};

using Effect = std::variant<InsertJob, InsertMember, ChangeState, RecordEvent, ChangeArray, AcceptResult, RecordLoss,
                            StoreQueue, DropQueue, StoreDraining, AddUsage, SendLease, SendCancel, SendRevoke,
                            AcknowledgeFinish, AnswerRenewal, AnswerSubmit, RefuseSubmit, AnswerCancel, AnswerOperator,
                            JobEnded, MembersEnded, ArmTimer>;
using Effects = std::vector<Effect>;

// True for the effects a store carries out; the others leave the process.
constexpr bool is_persistent(const Effect& effect) {
    return effect.index() <= 10;
}

// ---- questions ------------------------------------------------------------------------------------------------------

// Why a job waits, for the person who submitted it (text) and for programs (the rest). From the data that decides.
enum class WaitReason : std::int16_t {
    not_waiting,   // it runs, is about to, or has ended
    dependencies,  // of other jobs: waits_for
    not_before,    // its own time has not come
    backoff,       // the pause before the next attempt
    queue_held,
    queue_limit,         // its queue runs as many as it may
    user_limit,          // its owner runs as many as he may
    cpu_quota,           // its owner used up the processor time of the day
    no_worker,           // none is connected, or all of them drain
    no_suitable_worker,  // no connected one has the labels, or is large enough
    workers_full,        // every suitable one is
    turn,                // a worker has room, and others come first
};
std::string_view name(WaitReason reason);  // "queue_held", …

struct Explanation {
    WaitReason reason = WaitReason::not_waiting;
    std::string text;  // one or two sentences
    std::size_t own_jobs_ahead = 0;
    std::size_t users_ahead = 0;
    std::vector<JobId> waits_for;             // a few of them
    std::optional<WallTime> not_before;       // the earliest moment that is known
    std::optional<WallTime> estimated_start;  // from recent rates, where one is possible
};

struct QueueView {
    QueueConfig config;
    std::size_t queued = 0;   // members of arrays that have not started included
    std::size_t running = 0;  // leased
};
struct WorkerView {
    WorkerId worker;
    Capacity capacity;
    bool connected = false;
    bool draining = false;  // by an operator, or by itself
    std::int64_t cpu_millis_used = 0;
    std::int64_t memory_bytes_used = 0;
    std::vector<AttemptRef> attempts;
};

// ---- restart --------------------------------------------------------------------------------------------------------

// A job that had not ended when the last scheduler stopped, as the store has it.
// Of an array member `seed` is that of its array, without shape and dependencies.
struct StoredJob {
    JobId job;
    NewJob seed;  // of a blocked job `after` holds what it was submitted with; jobs that ended say so
    StateRow row;
    std::optional<ArrayRow> array;  // of an array
    // Of an array: numbers of its members from array->next_member on that have a row already. They were cancelled
    // alone.
    std::vector<std::int64_t> holes;
};
struct StoredUser {
    UserId user;
    Quota quota;
    std::int64_t day = 0;  // the last day with any use
    Microseconds cpu_of_day{};
};
// All that a queue needs to go on.
struct StoredQueue {
    std::vector<StoredJob> jobs;  // every job that has not ended, by id; an array before its members
    std::vector<QueueConfig> queues;
    std::vector<StoredUser> users;
    std::vector<WorkerId> draining;
    JobId highest_job;  // of all that ever were, members that have not started included; 0: none yet
};

struct QueueSettings {
    JobId first_job_id{100'000'001};  // above the highest id a Slurm cluster can use (67,043,328)
    Milliseconds lease_ttl{15'000};   // a lease lives this long after its last renewal …
    Milliseconds lease_grace{
        5'000};  // … and is handed out again only this much later: the worker has killed its own jobs by then
    std::int16_t crash_limit = 5;               // so many losses and the job is given up as lost
    Milliseconds retry_delay{1'000};            // before the second attempt; twice as long before each one after it …
    Milliseconds longest_retry_delay{300'000};  // … up to this. The jitter takes off up to a half
    // A job that could not be placed for so long gets a worker kept free for it, so that small jobs do not starve it.
    Milliseconds reserve_after{30'000};
    AttemptNumber attempts_after = 0;       // what is leased from now on has higher numbers (scheduler/generation.h)
    std::map<UserId, double> user_weights;  // a user of weight 2 gets twice the share of one of weight 1 (the default)
    Milliseconds fair_share_half_life{Milliseconds{3'600'000}};  // recent use counts half after this long
};

}  // namespace windlass::scheduler
