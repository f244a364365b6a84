// The engine with a cluster that does what the test says, and time as the test says. Its services listen on a socket of
// the test; nobody comes.
#include "worker/kubernetes/engine.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "shared/digest.h"
#include "tests/support/temporary_directory.h"
#include "tests/worker/fake_connection.h"
#include "tests/worker/set_clock.h"

namespace windlass::worker::kubernetes {
namespace {

using windlass::worker::testing::FakeConnection;
using windlass::worker::testing::only;
using windlass::worker::testing::SetClock;

AttemptRef job(int number) {
    return {JobId{number}, 1};
}

struct Cluster {
    std::vector<Left> deployments;
    std::vector<Pod> pods;
    std::vector<AttemptRef> cleared, at_once;
    std::string refuses;
    bool away = false;
    bool pods_linger = false;
    bool deployments_linger = false;  // as with foreground deletion, until their ReplicaSet is gone
    int lists = 0, watches = 0;
    std::string log = "said\n";

    void start(AttemptRef ref) { pods.push_back({ref, "windlass-user-7", "pod-" + ref.text(), true, {}, false, {}}); }
    void end(AttemptRef ref, Outcome outcome) {
        auto& pod = *std::ranges::find(pods, ref, &Pod::ref);
        pod.runs = false;
        pod.ended = std::move(outcome);
    }
};

class FakeClient final : public Client {
  public:
    explicit FakeClient(Cluster& cluster) : cluster_(cluster) {}
    Result<std::string> launch(const Launch& launch) const override {
        if (cluster_.away) return away();
        if (!cluster_.refuses.empty()) return make_error(ErrorKind::invalid, cluster_.refuses);
        cluster_.deployments.push_back({launch.ref, "windlass-user-" + launch.owner.text(), "127.0.0.1", true,
                                        parse_kept_lease(kept_lease(launch))});
        return std::string("127.0.0.1");
    }
    Status stop(AttemptRef ref, const std::string&, bool at_once) const override {
        if (cluster_.away) return away();
        if (!cluster_.deployments_linger)
            std::erase_if(cluster_.deployments, [&](const Left& one) { return one.ref == ref; });
        if (at_once) cluster_.at_once.push_back(ref);
        if (!cluster_.pods_linger) std::erase_if(cluster_.pods, [&](const Pod& pod) { return pod.ref == ref; });
        return {};
    }
    Result<bool> clear(AttemptRef ref, const std::string&) const override {
        if (cluster_.deployments_linger) return false;
        cluster_.cleared.push_back(ref);
        return true;
    }
    Result<Watched> list() const override {
        ++cluster_.lists;
        if (cluster_.away) return away();
        return Watched{cluster_.pods, "1"};
    }
    Result<std::vector<Left>> left() const override {
        if (cluster_.away) return away();
        return cluster_.deployments;
    }
    Result<Watched> watch(const std::string& version) const override {
        ++cluster_.watches;
        if (cluster_.away) return away();
        return Watched{cluster_.pods, version};
    }
    Result<std::string> log(const Pod&, std::int64_t) const override { return cluster_.log; }

  private:
    static Error away() { return make_error(ErrorKind::unavailable, "the API server gave no answer"); }
    Cluster& cluster_;
};

class KubernetesEngineTest : public ::testing::Test {
  protected:
    KubernetesEngineTest() {
        initialise_crypto();
        settings_.site.namespace_prefix = "windlass-user-";
        settings_.site.worker_cidr = "10.0.3.7/32";
        settings_.site.identity = "abc";
        settings_.site.images = {{"lab", "registry.example/lab@sha256:00"}};
        settings_.cpu_millis = 1000;
    }
    void live() {
        be_born();
        engine_->connected(connection_, clock_.now().steady);
        pass();
    }
    // Not welcomed yet.
    void be_born() {
        engine_.reset();
        connection_.sent.clear();
        engine_ = std::make_unique<KubernetesEngine>(
            settings_, cluster_.away ? std::vector<Left>{} : cluster_.deployments,
            std::make_shared<FakeClient>(cluster_), std::make_shared<std::atomic<bool>>(false),
            Services::open(wire::Endpoint{scratch_ / "s.sock", "", 0}, "secret").value(),
            [this](auto work, auto done) {
                background_.emplace_back(std::move(work), std::move(done));
                if (!background_waits_) run_background();
            },
            clock_, [this](FinishedAttempt finished, SteadyTime) { finished_.push_back(std::move(finished)); });
    }
    // What is under way; what follows from it is under way then.
    void run_background() {
        for (auto now = std::exchange(background_, {}); const auto& [work, done] : now) {
            work();
            done();
        }
    }
    void pass(Milliseconds time = Milliseconds{1000}) {
        clock_.passed += time;
        engine_->on_time(clock_.now().steady);
    }
    void lease(int number, const std::function<void(protocol::Lease&)>& change = {}) {
        protocol::Lease lease;
        lease.attempt = job(number);
        lease.owner = UserId{7};
        lease.spec.image = "lab";
        lease.spec.service = ServicePort{8888, "/", {}};
        if (change) change(lease);
        ASSERT_TRUE(engine_->lease(lease, {}, clock_.now().steady));
    }
    void lease_and_run(int number) {
        lease(number);
        cluster_.start(job(number));
        pass();
    }
    const AttemptResult& result(std::size_t index = 0) const {
        return std::get<protocol::AttemptFinished>(finished_.at(index).parts.back().message).result;
    }
    std::vector<AttemptRef> in_hand() const {
        std::vector<AttemptRef> refs;
        engine_->append_held(refs);
        return refs;
    }

    test::TemporaryDirectory scratch_;
    EngineSettings settings_;
    Cluster cluster_;
    SetClock clock_;
    FakeConnection connection_;
    bool background_waits_ = false;
    std::vector<std::pair<std::function<void()>, std::function<void()>>> background_;
    std::unique_ptr<KubernetesEngine> engine_;
    std::vector<FinishedAttempt> finished_;
};

TEST_F(KubernetesEngineTest, a_launch_runs_when_its_pod_does_and_ends_with_what_it_said) {
    live();
    lease_and_run(1);
    EXPECT_EQ(only<protocol::AttemptStarted>(connection_.sent).size(), 1u);
    cluster_.end(job(1), {OutcomeKind::exited, 3, 0, {}});
    pass();
    pass();
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().outcome, (Outcome{OutcomeKind::exited, 3, 0, {}}));
    EXPECT_EQ(result().stdout_bytes, 5);
    EXPECT_TRUE(cluster_.deployments.empty());
    EXPECT_EQ(cluster_.cleared, (std::vector<AttemptRef>{job(1)}));
    EXPECT_TRUE(in_hand().empty());
}

TEST_F(KubernetesEngineTest, an_end_is_told_and_the_policy_removed_only_when_the_pod_is_gone) {
    live();
    lease_and_run(1);
    cluster_.pods_linger = true;
    engine_->cancel(job(1), clock_.now().steady);
    for (int i = 0; i < 5; ++i) pass();
    EXPECT_TRUE(finished_.empty());
    EXPECT_TRUE(cluster_.cleared.empty());
    cluster_.pods.clear();
    pass();
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().outcome.kind, OutcomeKind::cancelled);
}

TEST_F(KubernetesEngineTest, what_the_api_server_refuses_is_a_failed_setup_with_its_sentence) {
    live();
    cluster_.refuses = "namespaces \"windlass-user-7\" not found";
    lease(1);
    pass();
    pass();
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().outcome.kind, OutcomeKind::setup_failed);
    EXPECT_EQ(result().outcome.detail, cluster_.refuses);
}

TEST_F(KubernetesEngineTest, an_api_server_that_is_away_is_asked_again_until_the_pod_is_gone) {
    live();
    lease_and_run(1);
    cluster_.away = true;
    engine_->cancel(job(1), clock_.now().steady);
    for (int i = 0; i < 5; ++i) pass();
    EXPECT_TRUE(finished_.empty());
    EXPECT_EQ(in_hand(), (std::vector<AttemptRef>{job(1)}));
    cluster_.away = false;
    for (int i = 0; i < 5; ++i) pass();
    EXPECT_EQ(finished_.size(), 1u);
}

TEST_F(KubernetesEngineTest, a_revoked_launch_is_removed_at_once_and_nothing_is_told) {
    live();
    lease_and_run(1);
    engine_->revoke(job(1));
    EXPECT_TRUE(in_hand().empty());
    for (int i = 0; i < 3; ++i) pass();
    EXPECT_EQ(cluster_.at_once, (std::vector<AttemptRef>{job(1)}));
    EXPECT_TRUE(finished_.empty());
    EXPECT_TRUE(engine_->empty());
}

TEST_F(KubernetesEngineTest, lost_leases_remove_everything_at_once) {
    live();
    lease_and_run(1);
    lease_and_run(2);
    engine_->kill_all();
    for (int i = 0; i < 3; ++i) pass();
    EXPECT_TRUE(cluster_.deployments.empty());
    EXPECT_EQ(cluster_.at_once.size(), 2u);
    EXPECT_TRUE(finished_.empty());
    EXPECT_TRUE(engine_->empty());
}

TEST_F(KubernetesEngineTest, leases_lost_in_the_middle_of_a_removal_do_not_leave_it_there) {
    live();
    lease_and_run(1);
    cluster_.deployments_linger = true;
    engine_->cancel(job(1), clock_.now().steady);
    background_waits_ = true;
    pass();
    run_background();  // the list: its pod is gone, so the rest is to go
    engine_->kill_all();
    run_background();  // but its deployment is not
    run_background();
    EXPECT_EQ(cluster_.at_once, (std::vector<AttemptRef>{job(1)}));
    cluster_.deployments_linger = false;
    for (int i = 0; i < 5; ++i) {
        pass();
        run_background();
    }
    EXPECT_TRUE(engine_->empty());
    EXPECT_TRUE(finished_.empty());
}

TEST_F(KubernetesEngineTest, a_lease_lost_while_its_pod_is_told_to_end_ends_it_at_once) {
    live();
    lease_and_run(1);
    background_waits_ = true;
    engine_->cancel(job(1), clock_.now().steady);
    engine_->kill_all();
    run_background();
    EXPECT_TRUE(cluster_.at_once.empty());
    run_background();
    EXPECT_EQ(cluster_.at_once, (std::vector<AttemptRef>{job(1)}));
}

TEST_F(KubernetesEngineTest, a_lease_lost_while_it_is_launched_removes_what_was_made) {
    live();
    background_waits_ = true;
    lease(1);
    engine_->revoke(job(1));
    for (int i = 0; i < 5; ++i) {
        run_background();
        pass();
    }
    EXPECT_TRUE(cluster_.deployments.empty());
    EXPECT_EQ(cluster_.cleared, (std::vector<AttemptRef>{job(1)}));
    EXPECT_TRUE(engine_->empty());
}

TEST_F(KubernetesEngineTest, a_service_that_nobody_uses_is_ended) {
    live();
    lease(1, [](protocol::Lease& lease) { lease.spec.service->idle = Seconds{60}; });
    cluster_.start(job(1));
    pass();
    pass(Seconds{59});
    EXPECT_TRUE(finished_.empty());
    for (int i = 0; i < 4; ++i) pass();
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().outcome.kind, OutcomeKind::cancelled);
    EXPECT_EQ(result().outcome.detail, "nobody used its service for 60 s");
}

TEST_F(KubernetesEngineTest, a_life_begins_with_removing_what_the_former_one_left_by_halves) {
    cluster_.deployments.push_back({job(9), "windlass-user-7", "127.0.0.1", true, {}});
    live();
    EXPECT_TRUE(cluster_.deployments.empty());
    EXPECT_EQ(cluster_.at_once, (std::vector<AttemptRef>{job(9)}));
    EXPECT_EQ(cluster_.cleared, (std::vector<AttemptRef>{job(9)}));
}

TEST_F(KubernetesEngineTest, a_new_life_goes_on_with_what_the_former_one_launched) {
    live();
    lease_and_run(1);
    be_born();
    EXPECT_EQ(in_hand(), (std::vector<AttemptRef>{job(1)})) << "it is named to the scheduler before it is asked for";
    engine_->connected(connection_, clock_.now().steady);
    pass();
    EXPECT_EQ(only<protocol::AttemptStarted>(connection_.sent).size(), 1u);
    EXPECT_TRUE(cluster_.at_once.empty());
    cluster_.end(job(1), {OutcomeKind::exited, 0, 0, {}});
    for (int i = 0; i < 3; ++i) pass();
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().outcome.kind, OutcomeKind::exited);
    EXPECT_TRUE(cluster_.deployments.empty());
}

TEST_F(KubernetesEngineTest, the_time_limit_of_an_adopted_launch_counts_from_when_its_node_says) {
    live();
    lease(1, [](protocol::Lease& lease) { lease.spec.timeout = Seconds{60}; });
    cluster_.start(job(1));
    cluster_.pods.back().since = clock_.now().wall;
    pass();
    clock_.passed += Seconds{40};
    live();
    pass(Seconds{15});
    EXPECT_TRUE(finished_.empty());
    for (int i = 0; i < 8; ++i) pass();
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().outcome.kind, OutcomeKind::out_of_time);
}

TEST_F(KubernetesEngineTest, an_adopted_launch_whose_worker_nobody_welcomes_is_removed) {
    live();
    lease_and_run(1);
    be_born();
    pass(Seconds{9});
    EXPECT_EQ(cluster_.deployments.size(), 1u);
    for (int i = 0; i < 4; ++i) pass();
    EXPECT_TRUE(cluster_.deployments.empty());
    EXPECT_EQ(cluster_.at_once, (std::vector<AttemptRef>{job(1)}));
    EXPECT_TRUE(engine_->empty());
}

TEST_F(KubernetesEngineTest, an_api_server_that_is_away_at_the_start_is_asked_until_orphans_are_gone) {
    cluster_.deployments.push_back({job(9), "windlass-user-7", "127.0.0.1", true, {}});
    cluster_.away = true;
    live();
    for (int i = 0; i < 4; ++i) pass();
    EXPECT_EQ(cluster_.deployments.size(), 1u);
    cluster_.away = false;
    cluster_.deployments_linger = true;
    for (int i = 0; i < 3; ++i) pass();
    EXPECT_TRUE(cluster_.cleared.empty());
    cluster_.deployments_linger = false;
    for (int i = 0; i < 3; ++i) pass();
    EXPECT_EQ(cluster_.cleared, (std::vector<AttemptRef>{job(9)}));
}

TEST_F(KubernetesEngineTest, a_launch_that_gets_no_answer_is_tried_again_and_given_up_after_a_minute) {
    live();
    cluster_.away = true;
    lease(1);
    for (int i = 0; i < 10; ++i) pass();
    EXPECT_TRUE(finished_.empty());
    cluster_.away = false;
    for (int i = 0; i < 3; ++i) pass();
    EXPECT_EQ(cluster_.deployments.size(), 1u);

    cluster_.away = true;
    lease(2);
    for (int i = 0; i < 70; ++i) pass();
    cluster_.away = false;
    for (int i = 0; i < 5; ++i) pass();
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().outcome.kind, OutcomeKind::setup_failed);
    EXPECT_EQ(result().outcome.detail, "the API server gave no answer");
}

TEST_F(KubernetesEngineTest, a_launch_that_waits_for_an_answer_can_be_cancelled) {
    live();
    cluster_.away = true;
    lease(1);
    pass();
    engine_->cancel(job(1), clock_.now().steady);
    cluster_.away = false;
    for (int i = 0; i < 5; ++i) pass();
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().outcome.kind, OutcomeKind::cancelled);
    EXPECT_TRUE(cluster_.deployments.empty());
}

TEST_F(KubernetesEngineTest, the_policy_stays_while_a_deployment_may_make_another_pod) {
    live();
    lease_and_run(1);
    cluster_.deployments_linger = true;
    engine_->cancel(job(1), clock_.now().steady);
    for (int i = 0; i < 5; ++i) pass();
    EXPECT_TRUE(finished_.empty());
    cluster_.deployments_linger = false;
    for (int i = 0; i < 3; ++i) pass();
    EXPECT_EQ(finished_.size(), 1u);
}

TEST_F(KubernetesEngineTest, a_worker_that_stops_leaves_what_is_up_to_its_next_life) {
    live();
    lease_and_run(1);
    engine_->drain();
    EXPECT_TRUE(engine_->runs_nothing());
    engine_->stop_all("the worker was stopped");
    pass();
    EXPECT_EQ(cluster_.deployments.size(), 1u);
    EXPECT_TRUE(finished_.empty());
}

TEST_F(KubernetesEngineTest, a_pod_that_somebody_else_removed_is_a_lost_attempt) {
    live();
    lease_and_run(1);
    cluster_.pods.clear();
    cluster_.away = true;  // the watch breaks, and the list says what is there
    pass();
    cluster_.away = false;
    for (int i = 0; i < 6; ++i) pass();
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().outcome.kind, OutcomeKind::worker_lost);
}

TEST_F(KubernetesEngineTest, the_time_limit_counts_from_the_start_of_the_pod) {
    live();
    lease(1, [](protocol::Lease& lease) { lease.spec.timeout = Seconds{60}; });
    for (int i = 0; i < 100; ++i) pass();
    EXPECT_EQ(cluster_.deployments.size(), 1u) << "no node has room yet";
    cluster_.start(job(1));
    pass();
    pass(Seconds{61});
    for (int i = 0; i < 3; ++i) pass();
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().outcome.kind, OutcomeKind::out_of_time);
}

TEST_F(KubernetesEngineTest, other_jobs_are_kept_out_by_a_label_and_refused_if_they_come) {
    live();
    EXPECT_EQ(engine_->labels().at("only"), "service");
    EXPECT_EQ(engine_->offer().images.at("lab"), "sha256:00");
    lease(1, [](protocol::Lease& lease) { lease.spec.service.reset(); });
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().outcome.kind, OutcomeKind::setup_failed);
}

TEST_F(KubernetesEngineTest, nothing_is_asked_while_nothing_is_launched) {
    live();
    cluster_.lists = cluster_.watches = 0;
    for (int i = 0; i < 10; ++i) pass();
    EXPECT_EQ(cluster_.lists + cluster_.watches, 0);
    lease_and_run(1);
    pass();
    EXPECT_GT(cluster_.watches, 0);
}

}  // namespace
}  // namespace windlass::worker::kubernetes
