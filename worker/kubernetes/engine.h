// The engine of a worker with backend = "kubernetes": each launch (a job with an image and a service) is a Deployment,
// a Service and a NetworkPolicy in its owner's namespace (docs/kubernetes-engine.md). Takes no other jobs, and its
// label `only` says so.
//
//     launching ──> up ──> stopping ──> told
//      │  ^ │        └ its pod runs; its service answers; it ends, or is ended
//      └──┘ └ refused ──> stopping
//      no answer: asked again, for a while
//
// What pods do is seen by one list and one watch after the other. Launches outlive this process: what a former life
// left whole is gone on with (its lease is an annotation of its Deployment), the rest is removed.
#pragma once

#include <atomic>
#include <memory>
#include <unordered_map>
#include <vector>

#include "worker/attempt.h"
#include "worker/engine.h"
#include "worker/kubernetes/client.h"
#include "worker/services.h"

namespace windlass::worker::kubernetes {

struct EngineSettings {
    Site site;
    std::int64_t cpu_millis = 0;  // of the cluster, to be offered
    std::int64_t memory_bytes = 0;
    // A new life that is not welcomed so soon has lost the leases of the former one.
    Milliseconds adoption{10'000};
};

class KubernetesEngine final : public Engine {
  public:
    // `client` is called in the background alone. `clock` must outlive this. `stop` is set when this goes. `left`: of
    // the former life, as far as it is known already; what is not whole is removed.
    KubernetesEngine(EngineSettings settings, std::vector<Left> left, std::shared_ptr<const Client> client,
                     std::shared_ptr<std::atomic<bool>> stop, std::unique_ptr<Services> services, Background background,
                     const Clock& clock, OnFinished on_finished);
    ~KubernetesEngine() override;

    const Offer& offer() const override { return offer_; }
    std::map<std::string, std::string> labels() const override;

    Status lease(protocol::Lease lease, std::string body, SteadyTime now) override;
    void cancel(AttemptRef ref, SteadyTime now) override;
    void revoke(AttemptRef ref) override;
    void blob_fetched(const protocol::BlobFetched&, std::string, SteadyTime) override {}  // none is asked for
    void connected(wire::Connection& connection, SteadyTime now) override;
    void disconnected() override;

    std::vector<Watch> watches() override;
    void on_time(SteadyTime now) override;
    std::optional<SteadyTime> next() const override;

    void drain() override { draining_ = true; }
    // What is up runs on without us: the next life goes on with it. What is being removed is not waited for any more.
    void stop_all(const std::string&) override { left_alone_ = true; }
    void kill_all() override;

    bool runs_nothing() const override;
    bool empty() const override { return runs_nothing(); }
    void append_held(std::vector<AttemptRef>& refs) const override;
    void add_figures(figures::Families& families) const override;

  private:
    enum class Step { launching, up, stopping };
    struct Held {
        Held(Attempt taken, std::string its_space) : attempt(std::move(taken)), space(std::move(its_space)) {}
        Attempt attempt;
        std::string space;  // its namespace
        Step step = Step::launching;
        std::optional<Launch> wanted;  // while launching
        SteadyTime launch_until{};     // an API server that gives no answer is asked again so long
        bool is_adopted = false;       // of a former life
        std::string address;           // of its Service
        std::optional<Pod> pod;
        bool ready = false;
        Outcome end;  // of one that ended by itself
        std::string log;
        bool busy = false;                 // a call about it is under way
        bool stopped = false;              // the deployment is gone
        std::uint64_t gone_from_list = 0;  // its pods are gone when this list, or a later one, has none
        bool gone = false;
        std::optional<SteadyTime> again_at;
    };

    void adopt(Left left, Now now);
    void launch(Held& held);
    void launched(AttemptRef ref, const Result<std::string>& address, SteadyTime now);
    void follow();
    void seen(const Result<Watched>& watched, bool whole, SteadyTime now);
    void on_pod(const Pod& pod, SteadyTime now);
    void stop(Held& held, OutcomeKind kind, std::string detail);
    void go_on_stopping(Held& held);
    void call(Held& held, std::function<Status(const Client&)> work, std::function<void(Held&)> done);
    void tell(Held& held, SteadyTime now);
    void compare_with(const std::vector<Pod>& pods, SteadyTime now);
    void on_services(const std::vector<Services::Event>& events);
    void tell_ready(const Held& held);
    void clear_former_life();
    void former_life_is(const Status& cleared);
    static std::optional<SteadyTime> stop_at(const Held& held);
    Held* find(AttemptRef ref);

    const EngineSettings settings_;
    const Offer offer_;
    const std::shared_ptr<const Client> client_;
    const std::shared_ptr<std::atomic<bool>> stop_;
    const std::unique_ptr<Services> services_;
    const Background background_;
    const Clock& clock_;
    const OnFinished on_finished_;
    wire::Connection* connection_ = nullptr;

    std::unordered_map<AttemptRef, std::unique_ptr<Held>> held_;
    std::string version_;  // where the watch goes on; empty: list first
    std::uint64_t lists_begun_ = 0;
    bool following_ = false;
    SteadyTime follow_at_{};
    bool cleared_ = false;  // of what a former life left
    bool clearing_ = false;
    SteadyTime clear_at_{};
    std::optional<std::string> complaint_;
    std::optional<SteadyTime> adopted_until_;
    bool draining_ = false;
    bool left_alone_ = false;
    std::int64_t started_ = 0;
    std::int64_t failed_calls_ = 0;
    std::map<OutcomeKind, std::int64_t> finished_;
};

// Asks the API server what the former life left, for some seconds if it must, when the engine is made.
MakeEngine kubernetes_engine(EngineSettings settings, std::unique_ptr<Services> services, const Clock& clock);

}  // namespace windlass::worker::kubernetes
