// The engine of a worker with backend = "slurm": each attempt is a job of Slurm (docs/slurm-engine.md).
//
//     fetching ──> preparing ──> submitting ──> in_slurm ──> collecting ──> told (until its result is safe)
//     (files)      (directory,    │    ^          ^
//                   ledger)       v    │          │
//                                unsure: no answer of sbatch; squeue knows whether it is there
//
// What Slurm does with all jobs is asked by one squeue, paced. Whatever it says of a job of ours that nobody here has
// (any more) is answered by scancel: a revoked attempt, a submission that arrived late, a record that was lost.
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "worker/attempt.h"
#include "worker/attempt_samples.h"
#include "worker/engine.h"
#include "worker/input_files.h"
#include "worker/result_collector.h"
#include "worker/slurm/client.h"
#include "worker/slurm/ledger.h"
#include "worker/slurm/printed.h"

namespace windlass::worker::slurm {

struct EngineSettings {
    Site site;
    std::int64_t cpu_millis = 0;  // of the cluster, to be offered
    std::int64_t memory_bytes = 0;
    CollectLimits collect;
    Milliseconds sample_interval{30'000};  // between one sstat and the next
    // A new life that is not welcomed so soon has lost the leases of the former one.
    Milliseconds adoption{10'000};
};

class SlurmEngine final : public Engine {
  public:
    // `client` is called in the background alone. `clock` must outlive this. Goes on with what the ledger has.
    SlurmEngine(EngineSettings settings, std::shared_ptr<const Client> client, Ledger ledger, BlobCache cache,
                Background background, const Clock& clock, OnFinished on_finished);

    const Offer& offer() const override { return offer_; }
    std::map<std::string, std::string> labels() const override { return {{"backend", "slurm"}}; }

    Status lease(protocol::Lease lease, std::string body, SteadyTime now) override;
    void cancel(AttemptRef ref, SteadyTime now) override;
    void revoke(AttemptRef ref) override;
    void blob_fetched(const protocol::BlobFetched& blob, std::string body, SteadyTime now) override;
    void connected(wire::Connection& connection, SteadyTime now) override;
    void disconnected() override;
    void result_is_safe(AttemptRef ref) override;

    void on_time(SteadyTime now) override;
    std::optional<SteadyTime> next() const override;

    void drain() override;
    // What is in Slurm runs on without us: the next life goes on with it.
    void stop_all(const std::string&) override {}
    void kill_all() override;

    bool runs_nothing() const override;
    bool empty() const override { return runs_nothing(); }
    void append_held(std::vector<AttemptRef>& refs) const override;
    void add_figures(figures::Families& families) const override;

  private:
    enum class Step { fetching, preparing, submitting, unsure, in_slurm, collecting, told };
    struct Held {
        Held(Attempt taken, const std::map<OutputStream, std::vector<std::int64_t>>& cuts);
        Attempt attempt;
        Step step = Step::fetching;
        std::optional<protocol::Lease> lease;  // until it is in the ledger
        std::optional<BoxSpec> box;            // taken out of the attempt, and not yet on the disk
        std::optional<SlurmJobId> job;
        SteadyTime unsure_since{};
        std::optional<SteadyTime> stopped_at;  // scancel was called last
        int missing = 0;                       // squeue did not know it, so many times in a row
        bool is_adopted = false;               // of a former life
        bool runs = false;
        bool looking = false;  // at its output, in the background
        std::optional<QueuedJob> end;
        std::optional<AttemptSamples> samples;
        Usage usage;  // as it was seen last; its wall is not
        Printed standard_output;
        Printed standard_error;
    };
    using Place = std::unordered_map<AttemptRef, std::unique_ptr<Held>>::iterator;

    void prepare(Held& held);
    void prepared(AttemptRef ref, Status made, const std::set<std::string>& damaged, SteadyTime now);
    void submit_more();
    void submitted(AttemptRef ref, const Result<SlurmJobId>& answer, SteadyTime now);
    void is_in_slurm(Held& held, SlurmJobId job);
    void ask_slurm(SteadyTime now);
    void slurm_answered(const Result<std::vector<QueuedJob>>& jobs, SteadyTime asked_at, SteadyTime now);
    void settle_unsure(Held& held, const std::vector<const QueuedJob*>& named, SteadyTime now);
    void follow(Held& held, const QueuedJob& job, SteadyTime now);
    void look_at_output(SteadyTime now);
    void printed(Held& held, std::string_view out, std::string_view err, SteadyTime now);
    void send_output(Held& held);
    void record_cuts(Held& held);
    void ask_for_use(SteadyTime now);
    void use_answered(const Result<std::vector<JobUse>>& uses);
    void measure_disks(SteadyTime now);
    void cancel_in_slurm(SteadyTime now);
    void stop(Held& held, OutcomeKind kind, std::string detail, SteadyTime now);
    void begin_end(Held& held);
    void ended(AttemptRef ref, const QueuedJob& job, const CollectedFiles& files, SteadyTime now);
    void end_without_slurm(Held& held, OutcomeKind kind, std::string detail, SteadyTime now);
    void tell(Held& held, AttemptResult result, std::string_view file_bytes, SteadyTime now);
    void forget(AttemptRef ref);
    void request_files();
    void adopt(LedgerEntry entry, Now now);
    bool is_watching() const;
    Held* find(AttemptRef ref);

    const EngineSettings settings_;
    const Offer offer_;
    const std::shared_ptr<const Client> client_;
    const std::shared_ptr<const Ledger> ledger_;
    const Background background_;
    const Clock& clock_;
    const OnFinished on_finished_;
    wire::Connection* connection_ = nullptr;

    std::unordered_map<AttemptRef, std::unique_ptr<Held>> held_;
    InputFiles input_files_;  // of those that are fetching or preparing
    std::deque<AttemptRef> to_submit_;
    int submitting_ = 0;
    std::unordered_set<SlurmJobId> strangers_;  // of ours in Slurm, and of nobody here
    std::optional<SteadyTime> strangers_cancelled_at_;
    bool cancelling_ = false;
    bool asking_ = false;
    bool looking_ = false;
    bool measuring_ = false;
    bool asking_for_use_ = false;
    std::optional<SteadyTime> use_at_;  // none: nothing runs, or Slurm does not gather it
    int use_failures_ = 0;              // in a row
    SteadyTime ask_at_{};
    SteadyTime look_at_{};
    SteadyTime measure_at_{};
    SteadyTime watch_until_{};  // Slurm is asked at least until then: something may arrive there late
    std::optional<SteadyTime> adopted_until_;
    std::optional<std::string> complaint_;  // of the last call that failed; said once
    bool draining_ = false;
    static constexpr int most_use_failures = 3;  // in a row; then sstat is not asked any more
    std::int64_t started_ = 0;
    std::int64_t failed_calls_ = 0;
    std::map<OutcomeKind, std::int64_t> finished_;
};

// `client` null: Slurm's own programs. The engine's factory for the agent; to be called once.
//   invalid, denied   the shared directory cannot be used; Slurm does not answer
Result<MakeEngine> slurm_engine(EngineSettings settings, Ledger ledger, BlobCache cache, const Clock& clock);

}  // namespace windlass::worker::slurm
