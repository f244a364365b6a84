// The states of a job, the moves that are allowed, and the drawing. Nothing else in the project knows which move is
// allowed; the check constraints of sql/ mirror this file and a test compares the two.
//
//     submit ──> blocked ──(dependencies met)──┐
//        └───────────────────────────────────> queued ──lease──> starting ──> running ──> succeeded
//                                                ^                  │            │   ├──> failed
//                                                └──retry / worker lost──────────┘   ├──> timed_out
//                               cancel from any state that is not final ─────────────┴──> cancelled
//                                                    crash limit reached ─────────────────> lost
//       blocked, queued ──(deadline passed)──────────────────────────────> timed_out
//       an array is queued until its last member has ended: succeeded, failed or cancelled
//       a job with a service that answers its check stays where it is: running ──ready──> running
//
// blocked    waits for other jobs. The queue moves it on when they end.
// queued     waits for a slot. The queue leases it; nothing holds it.
// starting   one worker has the lease of the current attempt and has not said yet that the process runs.
// running    the process runs on that worker. If the worker dies the lease runs out and the job is queued again.
// succeeded  the accepted attempt exited with 0. Final.
// failed     the accepted attempt ended through its own fault and no attempt is left. Final.
// timed_out  the accepted attempt reached its own time limit and no attempt is left, or its deadline passed. Final.
// cancelled  somebody asked for it, and no process of it is left. Final.
// lost       workers died under it too often (the crash limit). Nobody knows how it would have ended. Final.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace windlass {

// The numbers are stored (sql/0001): never renumber, only append.
enum class JobState : std::int16_t {
    blocked = 0,
    queued = 1,
    starting = 2,
    running = 3,
    succeeded = 4,
    failed = 5,
    timed_out = 6,
    cancelled = 7,
    lost = 8,
};
inline constexpr std::array all_job_states = {JobState::blocked,   JobState::queued,    JobState::starting,
                                              JobState::running,   JobState::succeeded, JobState::failed,
                                              JobState::timed_out, JobState::cancelled, JobState::lost};

// What moves a job. Stored in job_event, as numbers: never renumber, only append.
enum class JobMove : std::int16_t {
    submit = 0,          // into being
    release = 1,         // dependencies met
    lease = 2,           // a worker got the right to run the next attempt
    start = 3,           // the worker says that the process runs
    finish = 4,          // the result of the attempt was accepted; the job is final
    retry = 5,           // the attempt failed through the job's own fault and another one is left
    requeue = 6,         // the attempt was lost with its worker, or handed back; does not use up max_attempts
    request_cancel = 7,  // somebody asked to cancel while a worker has it; the state stays until the process tree is
                         // gone. Of an array: while workers have members of it
    cancel = 8,   // cancelled; final
    give_up = 9,  // crash limit reached; final (lost)
    expire = 10,  // its deadline passed while it waited; final (timed_out)
    settle = 11,  // the last member of an array ended; final
    ready = 12,   // the service of the attempt answered its check; the state stays
};
inline constexpr std::array all_job_moves = {
    JobMove::submit,  JobMove::release,        JobMove::lease,  JobMove::start,   JobMove::finish, JobMove::retry,
    JobMove::requeue, JobMove::request_cancel, JobMove::cancel, JobMove::give_up, JobMove::expire, JobMove::settle,
    JobMove::ready};

constexpr bool is_final(JobState s) {
    return s >= JobState::succeeded;
}
// A worker holds a lease exactly in these two.
constexpr bool is_leased(JobState s) {
    return s == JobState::starting || s == JobState::running;
}

// The table of allowed moves: true when `move` may take a job from `from` to `to`. submit has no `from`: it is allowed
// from nothing, which callers express by asking allowed_at_birth().
constexpr bool allowed(JobState from, JobMove move, JobState to) {
    using S = JobState;
    switch (move) {
        case JobMove::submit:
            return false;  // a job comes into being once
        case JobMove::release:
            return from == S::blocked && to == S::queued;
        case JobMove::lease:
            return from == S::queued && to == S::starting;
        case JobMove::start:
            return from == S::starting && to == S::running;
        case JobMove::finish:
            return is_leased(from) && (to == S::succeeded || to == S::failed || to == S::timed_out);
        case JobMove::retry:
        case JobMove::requeue:
            return is_leased(from) && to == S::queued;
        case JobMove::request_cancel:
            return (is_leased(from) || from == S::queued) && to == from;
        case JobMove::cancel:
            return !is_final(from) && to == S::cancelled;
        case JobMove::give_up:
            return is_leased(from) && to == S::lost;
        case JobMove::expire:
            return (from == S::blocked || from == S::queued) && to == S::timed_out;
        case JobMove::settle:
            return from == S::queued && (to == S::succeeded || to == S::failed || to == S::cancelled);
        case JobMove::ready:
            return from == S::running && to == S::running;
    }
    return false;
}
constexpr bool allowed_at_birth(JobState to) {
    return to == JobState::blocked || to == JobState::queued;
}

std::string_view name(JobState state);  // "queued", "timed_out", … as in API.md
std::string_view name(JobMove move);
std::optional<JobState> job_state_named(std::string_view text);

}  // namespace windlass
