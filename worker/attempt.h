// One attempt in hand, from its lease until its last process is gone and its files are collected. Pure: it is told what
// happened and knows what follows; the runner carries it out.
//
//     fetching ──> (its input files are here) ──> waiting ──> reading (them from disk) ──> starting
//     waiting ──> starting ──> running ──> collecting ──> (finished: result_outbox.h)
//        │            └── the box could not be built ──> (finished: setup_failed)
//        ├── cancelled, too late ──> (finished: cancelled, out_of_time; also while fetching)
//        └── handed back ──> (gone; also while fetching)
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shared/protocol.h"
#include "worker/cpu_budget.h"
#include "worker/file_descriptor.h"
#include "worker/output_collector.h"
#include "worker/output_pace.h"
#include "worker/result_collector.h"
#include "worker/sandbox/sandbox.h"

namespace windlass::worker {

class Attempt {
  public:
    static constexpr std::int64_t page_bytes = 4096;  // what the smallest file takes of limits.disk_bytes
    enum class Phase { fetching, waiting, reading, starting, running, collecting };

    // invalid: the body does not hold what the lease says.
    static Result<Attempt> from_lease(protocol::Lease lease, std::string body, Now now);

    // The one that a former life of this worker started, from its record: in phase starting. The cause, if it was being
    // stopped already, goes first.
    //   invalid  the record does not say whose box it is
    static Result<Attempt> from_record(const std::vector<RecordEntry>& record, Now now);
    // What from_record() needs, without what is in the box already. After take_box_spec().
    std::string record() const;
    // Entries of a record, beside the one that record() makes.
    static constexpr char record_cause = 'c';
    static constexpr char record_cut = 'o';  // of standard output: an offset
    static constexpr char record_cut_error = 'e';

    AttemptRef ref() const { return ref_; }
    const JobSpec& spec() const { return spec_; }  // take_box_spec() takes its commands and its environment
    const Limits& limits() const { return spec_.limits; }
    const std::optional<ServicePort>& service() const { return spec_.service; }
    const std::string& traceparent() const { return spec_.traceparent; }  // empty: none
    Phase phase() const { return phase_; }
    // It was started, or at least tried to be.
    bool left_the_line() const { return phase_ > Phase::reading; }
    // In the line of those that wait for a slot.
    SteadyTime arrived() const { return arrived_; }

    // Path -> SHA-256.
    const std::map<std::string, std::string>& input_files() const { return spec_.files; }
    const std::string& image() const { return spec_.image; }
    const std::vector<std::string>& datasets() const { return spec_.datasets; }
    // What to collect beside out/.
    CollectBeside beside() const;
    // Into the phases before the start.
    void fetch() { phase_ = Phase::fetching; }
    void read() { phase_ = Phase::reading; }
    void fetched(SteadyTime now);
    // Why code, data and `files_bytes` of input files (rounded up to pages) are more than its limit; empty: they fit.
    std::string does_not_fit(std::int64_t files_bytes) const;

    // -> starting. The bytes of code and data, and the input files (path -> bytes) move into the box's
    // specification. `without_shell`: a command that needs no shell is executed without one (simple_command.h).
    BoxSpec take_box_spec(bool without_shell, std::map<std::string, std::string> files);
    void launched(const Sandbox::Launched& launched);
    BoxId box() const { return box_; }

    void started(SteadyTime at);
    // When it must be stopped as out_of_time, and why; nullopt: it is being stopped already, is over, or has no such
    // moment. Before it runs only its deadline counts. That is a moment of the wall clock, turned into one of the
    // steady clock when the lease came: a step of the wall clock while it is here changes nothing.
    std::optional<SteadyTime> stop_at() const;
    std::string why_late() const;  // at stop_at()
    std::optional<SteadyTime> deadline() const { return deadline_; }

    // When to look at the processor time it has used; nullopt as for stop_at(), or it does not run or has no such
    // limit.
    std::optional<SteadyTime> next_cpu_check() const;
    // What the look showed (nothing: nobody counts it, and it is not looked at again). True: its limit is reached.
    bool cpu_time_is_spent(std::optional<Microseconds> used, SteadyTime now);

    // Why we stop it. The first cause wins: true when it is this one.
    bool blame(OutcomeKind kind, std::string detail);
    std::string cause_in_record() const;  // as an entry's text
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
        // What was read from `fd` is also here, for whoever takes the attempt over; the sandbox's. -1: nowhere.
        int file = -1;
        std::int64_t in_file = 0;
        std::int64_t read_again = 0;  // from the file, so far
        explicit Pipe(std::int64_t limit_bytes) : output(limit_bytes) {}
    };
    Pipe standard_output;
    Pipe standard_error;
    FileDescriptor image_in_use;  // while the box exists
    OutputPace pace;
    std::optional<SteadyTime> service_ready;  // since when its service answers
    std::optional<SteadyTime> flush_at;       // output waits to be sent at this moment

  private:
    Attempt(protocol::Lease lease, std::string body, Now now);

    AttemptRef ref_;
    JobSpec spec_;
    std::string body_;  // code, then data
    std::size_t code_size_ = 0;
    SteadyTime arrived_;
    std::optional<SteadyTime> deadline_;
    Phase phase_ = Phase::waiting;
    BoxId box_ = 0;
    std::optional<SteadyTime> started_;
    CpuBudget cpu_budget_;
    std::optional<Outcome> cause_;
    bool forgotten_ = false;
    bool revoked_ = false;
};

}  // namespace windlass::worker
