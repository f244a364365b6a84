// One attempt in hand, from its lease until its last process is gone and its files are collected. Pure: it is told what
// happened and knows what follows; the runner carries it out.
//
//     waiting ──> starting ──> running ──> collecting ──> (finished: result_outbox.h)
//        │            └── the box could not be built ──> (finished: setup_failed)
//        ├── cancelled ──> (finished: cancelled)
//        └── handed back ──> (gone)
#pragma once

#include <optional>
#include <string>

#include "shared/protocol.h"
#include "worker/cpu_budget.h"
#include "worker/file_descriptor.h"
#include "worker/output_collector.h"
#include "worker/output_pace.h"
#include "worker/sandbox/sandbox.h"

namespace windlass::worker {

class Attempt {
  public:
    enum class Phase { waiting, starting, running, collecting };

    // invalid: the body does not hold what the lease says.
    static Result<Attempt> from_lease(protocol::Lease lease, std::string body, SteadyTime now);

    AttemptRef ref() const { return ref_; }
    const Limits& limits() const { return spec_.limits; }
    Phase phase() const { return phase_; }
    SteadyTime arrived() const { return arrived_; }

    // waiting -> starting. The bytes of code and data move into the box's specification. `without_shell`: a command
    // that needs no shell is executed without one (simple_command.h).
    BoxSpec take_box_spec(bool without_shell);
    void launched(const Sandbox::Launched& launched);
    BoxId box() const { return box_; }

    void started(SteadyTime at);
    // When it must be stopped as out_of_time; nullopt: it does not run, or is being stopped already.
    std::optional<SteadyTime> deadline() const;

    // When to look at the processor time it has used; nullopt as for deadline(), or it has no such limit.
    std::optional<SteadyTime> next_cpu_check() const;
    // What the look showed (nothing: nobody counts it, and it is not looked at again). True: its limit is reached.
    bool cpu_time_is_spent(std::optional<Microseconds> used, SteadyTime now);
    Milliseconds timeout() const { return spec_.timeout; }

    // Why we stop it. The first cause wins: true when it is this one.
    bool blame(OutcomeKind kind, std::string detail);
    bool blamed() const { return cause_.has_value(); }

    // No right to it any more: nothing is reported. `revoked`: the scheduler knows, so it is not named as held either;
    // otherwise (self-kill) it stays named while processes of it may still be dying.
    void forget(bool revoked);
    bool forgotten() const { return forgotten_; }
    bool is_held() const { return !revoked_; }

    // running -> collecting: what will be reported, without files and output. `now` ends the wall time if the box did
    // not measure it. The output must be complete: what a shell would have said last is added to it.
    AttemptResult ended(const BoxEnded& ended, SteadyTime now);

    struct Pipe {
        FileDescriptor fd;  // closed at the end of the stream or of the attempt
        bool watched = false;
        OutputCollector output;
        explicit Pipe(std::int64_t limit_bytes) : output(limit_bytes) {}
    };
    Pipe standard_output;
    Pipe standard_error;
    OutputPace pace;
    std::optional<SteadyTime> flush_at;  // output waits to be sent at this moment

  private:
    Attempt(protocol::Lease lease, std::string body, SteadyTime now);

    AttemptRef ref_;
    JobSpec spec_;
    std::string body_;  // code, then data
    std::size_t code_size_ = 0;
    SteadyTime arrived_;
    Phase phase_ = Phase::waiting;
    BoxId box_ = 0;
    std::optional<SteadyTime> started_;
    CpuBudget cpu_budget_;
    std::optional<Outcome> cause_;
    bool forgotten_ = false;
    bool revoked_ = false;
};

}  // namespace windlass::worker
