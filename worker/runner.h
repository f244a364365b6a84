// The attempts in hand: waiting for their input files or a slot, in their boxes, being collected. Starts what fits in
// the order of arrival (of the lease, or of the last input file), reads the pipes, keeps the time limits, and hands
// each ended attempt on as a FinishedAttempt. The engine (engine.h) of a worker with a sandbox.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "shared/wire/connection.h"
#include "worker/attempt.h"
#include "worker/engine.h"
#include "worker/input_files.h"
#include "worker/pipe_watch.h"
#include "worker/result_collector.h"
#include "worker/sampling.h"
#include "worker/sandbox/sandbox.h"
#include "worker/services.h"
#include "worker/site_things.h"
#include "worker/slots.h"

namespace windlass::worker {

struct RunnerSettings {
    std::int64_t cpu_millis = 1000;
    std::int64_t memory_bytes = 0;
    int boxes = 1;  // as many as the sandbox has slots
    Milliseconds kill_grace{5000};
    CollectLimits collect;
    // A prefetched attempt that could not be started for so long goes back: somebody else may be idle.
    Milliseconds longest_wait{1000};
    bool without_shell = false;  // a command that needs no shell is executed without one
    SamplingSettings sampling;
    std::shared_ptr<const SiteThings> site;  // images and data sets; null: none
};

// Processor and memory promised to attempts whose boxes do not end.
struct Withheld {
    std::int64_t cpu_millis = 0;
    std::int64_t memory_bytes = 0;
    bool operator==(const Withheld&) const = default;
};

class Runner : public Engine {
  public:
    // `sandbox` must outlive this.
    Runner(RunnerSettings settings, Sandbox& sandbox, BlobCache cache, Background background, const Clock& clock,
           OnFinished on_finished);

    // Those of jobs are published here; must outlive this. Without it jobs with services end as setup_failed.
    void serve_by(Services& services) { services_ = &services; }

    const Offer& offer() const override { return offer_; }
    std::string why_less() const override;
    std::map<std::string, std::string> labels() const override;

    // ---- what the scheduler says ----
    Status lease(protocol::Lease lease, std::string body, SteadyTime now) override;
    void cancel(AttemptRef ref, SteadyTime now) override;
    void revoke(AttemptRef ref) override;
    void blob_fetched(const protocol::BlobFetched& blob, std::string body, SteadyTime now) override;
    void connected(wire::Connection& connection, SteadyTime now) override;
    void disconnected() override;
    void result_is_safe(AttemptRef ref) override;
    bool outlives() const override { return sandbox_.outlives(); }
    void leases_good_until(std::optional<SteadyTime> until) override { sandbox_.good_until(until); }

    // ---- what happens here ----
    std::vector<Watch> watches() override;
    std::string broken() const override { return sandbox_.broken(); }
    void on_sandbox_readable(SteadyTime now);
    int pipes_fd() const { return pipes_.fd(); }
    void on_pipes_readable(SteadyTime now);
    void on_services_readable(SteadyTime now);
    void on_time(SteadyTime now) override;
    std::optional<SteadyTime> next() const override;

    // ---- ends ----
    void drain() override;
    // TERM, grace, KILL for everything that runs, reported as worker_lost.
    void stop_all(const std::string& why) override;
    // What has ended and is only being collected stays: it can run beside no other attempt, and the scheduler will say
    // if the result comes too late.
    void kill_all() override;

    bool runs_nothing() const override {
        return attempts_.size() == waiting_.size() + fetching_.size() + reading_.size();
    }
    bool empty() const override { return attempts_.empty(); }
    void append_held(std::vector<AttemptRef>& refs) const override;
    // What boxes that do not end keep of what this worker has; not to be offered.
    Withheld withheld() const { return withheld_; }
    void add_figures(figures::Families& families) const override;

  protected:
    // From now on this worker has these.
    void offer_things(SiteOffers things) {
        offer_.images = std::move(things.images);
        offer_.datasets = std::move(things.datasets);
    }

  private:
    void withhold(const Limits& limits, int sign);
    void adopt(Sandbox::Inherited inherited);
    ssize_t take_from(Attempt::Pipe& pipe);
    void start_waiting(SteadyTime now);
    void start(Attempt& attempt, SteadyTime now);
    void read_files(Attempt& attempt, SteadyTime now);
    void files_read(AttemptRef ref, const Limits& limits, InputFiles::Content content, SteadyTime now);
    void launch(Attempt& attempt, std::map<std::string, std::string> files, SteadyTime now);
    Result<BoxSpec> box_of(Attempt& attempt, std::map<std::string, std::string> files) const;
    void end_unstarted(Attempt& attempt, OutcomeKind kind, std::string detail, SteadyTime now);
    void request_files();
    void wait_in_line(Attempt& attempt);
    void leave_line(Attempt& attempt);
    void give_back(Attempt& attempt);
    void return_waiting(SteadyTime arrived_until);
    void return_all_unstarted();
    void end_late_unstarted(SteadyTime now);
    void box_started(const BoxStarted& event);
    void box_ended(const BoxEnded& event, SteadyTime now);
    void box_stuck(const BoxStuck& event, SteadyTime now);
    void read_to_the_end(Attempt& attempt);
    void collect(Attempt& attempt, AttemptResult result, int work_directory_fd, SteadyTime now);
    void retire(Attempt& attempt, AttemptResult result, const CollectedFiles& files, SteadyTime now);
    void finish(Attempt& attempt, AttemptResult result, std::string_view file_bytes, SteadyTime now);
    void stop(Attempt& attempt, OutcomeKind cause, std::string detail, Milliseconds grace);
    void check_cpu_time(Attempt& attempt, SteadyTime now);
    void watch_pipes(Attempt& attempt);
    void read_some(Attempt& attempt, Attempt::Pipe& pipe, SteadyTime now);
    bool read_once(Attempt::Pipe& pipe);
    void close_pipe(Attempt::Pipe& pipe);
    void send_output(Attempt& attempt, SteadyTime now);
    static void tell_traced(const Attempt& attempt, std::string_view what);
    Attempt* in_box(BoxId box);
    void publish_service(const Attempt& attempt, SteadyTime now);
    void withdraw_service(const Attempt& attempt);
    void on_services(const std::vector<Services::Event>& events, SteadyTime now);
    void tell_ready(const Attempt& attempt);

    const RunnerSettings settings_;
    Sandbox& sandbox_;
    const Background background_;
    const Clock& clock_;
    const OnFinished on_finished_;
    wire::Connection* connection_ = nullptr;
    Services* services_ = nullptr;

    Slots slots_;
    Sampling sampling_;
    PipeWatch pipes_;
    std::unordered_map<AttemptRef, std::unique_ptr<Attempt>> attempts_;
    std::deque<Attempt*> waiting_;   // those in phase waiting, in the order of arrival
    std::set<AttemptRef> fetching_;  // those in phase fetching
    std::set<AttemptRef> reading_;   // those in phase reading; their slots are taken
    InputFiles input_files_;         // of those in these three phases
    // Of those in these three phases that have one.
    std::set<std::pair<SteadyTime, AttemptRef>> deadlines_;
    std::unordered_map<BoxId, Attempt*> by_box_;  // those in phases starting and running
    std::unordered_map<BoxId, Limits> stuck_;     // their attempts are over, their slots are not free
    Withheld withheld_;
    Offer offer_;  // without what is withheld
    std::optional<SteadyTime> watch_at_;
    std::string read_buffer_;
    bool adopted_ = false;  // what a former life's boxes were told is still to be heard
    bool draining_ = false;
    std::int64_t started_ = 0;                      // boxes, in this life
    std::map<OutcomeKind, std::int64_t> finished_;  // attempts, likewise
    figures::Durations ran_{{0.01, 0.1, 1, 10, 60, 600, 3'600, 6 * 3'600, 24 * 3'600}};
};

}  // namespace windlass::worker
