// What a scheduler says that has been deposed, or may have been.
#include "tests/scheduler/service_fixture.h"

namespace windlass::scheduler::service_test {
namespace {

TEST_F(ServiceTest, a_deposed_leader_says_nothing_more) {
    start();
    Client& api = join("api");
    control_->failure = ErrorKind::stale;
    control_->failing = true;
    api.connection->send(two_jobs(1), "codeD1dat");
    EXPECT_TRUE(loop_.run_until([&] { return !deposed_.empty(); }));
    EXPECT_FALSE(api.has<protocol::JobsSubmitted>());
    control_->failing = false;
}

TEST_F(ServiceTest, a_scheduler_that_does_not_lead_any_more_answers_no_renewal) {
    settings_.proof_lasts = Milliseconds{0};  // its leadership needs a proof at once
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    const AttemptRef attempt = wait_for<protocol::Lease>(worker).first.attempt;
    control_->failure = ErrorKind::unavailable;
    control_->failing = true;
    worker.connection->send(protocol::Renew{{attempt}});
    wait_for<protocol::Renewed>(worker);  // an absent database proves nothing against it
    control_->failure = ErrorKind::stale;
    worker.connection->send(protocol::Renew{{attempt}});
    EXPECT_TRUE(loop_.run_until([&] { return !deposed_.empty(); }));
    EXPECT_FALSE(worker.has<protocol::Renewed>());
    control_->failing = false;
}

// Thawed after another one took over: whoever dials, asks or waits finds out that it is nobody any more.
TEST_F(ServiceTest, a_scheduler_that_does_not_lead_any_more_welcomes_nobody) {
    settings_.proof_lasts = Milliseconds{0};
    start();
    control_->failure = ErrorKind::unavailable;
    control_->failing = true;
    join("worker");  // an absent database proves nothing against it
    control_->failure = ErrorKind::stale;
    Client& late = dial();
    protocol::Hello hello;
    hello.role = "worker";
    hello.name = "late";
    hello.cpu_millis = 1000;
    hello.memory_bytes = gibibyte;
    late.connection->send(hello);
    EXPECT_TRUE(loop_.run_until([&] { return !deposed_.empty(); }));
    EXPECT_FALSE(late.has<protocol::Welcome>());
    control_->failing = false;
}

TEST_F(ServiceTest, a_scheduler_that_does_not_lead_any_more_answers_no_question) {
    settings_.proof_lasts = Milliseconds{0};
    start();
    Client& api = join("api");
    for (std::int64_t request = 1; request <= 2; ++request) {
        // Away: it answers. Then another one leads.
        control_->failure = request == 1 ? ErrorKind::unavailable : ErrorKind::stale;
        control_->failing = true;
        api.connection->send(protocol::WatchJob{JobId{100'000'001}});
        api.connection->send(protocol::ExplainJob{RequestId{request}, JobId{100'000'001}});
        api.connection->send(protocol::AskStatistics{RequestId{request}});
        api.connection->send(protocol::ListQueues{RequestId{request}});
        api.connection->send(protocol::ListWorkers{RequestId{request}});
        if (request == 2) break;
        wait_for<protocol::JobEnded>(api);
        wait_for<protocol::JobExplained>(api);
        wait_for<protocol::Statistics>(api);
        wait_for<protocol::QueuesListed>(api);
        wait_for<protocol::WorkersListed>(api);
        api.inbox.clear();  // of its Welcome
    }
    EXPECT_TRUE(loop_.run_until([&] { return !deposed_.empty(); }));
    EXPECT_EQ(api.inbox.size(), 0U);
    control_->failing = false;
}

TEST_F(ServiceTest, an_idle_worker_is_not_kept_for_ever_by_one_who_does_not_lead_any_more) {
    settings_.proof_for_idle_lasts = settings_.proof_lasts = Milliseconds{0};
    start();
    Client& worker = join("worker");
    control_->failure = ErrorKind::stale;
    control_->failing = true;
    worker.connection->send(protocol::Renew{});
    EXPECT_TRUE(loop_.run_until([&] { return !deposed_.empty(); }));
    EXPECT_FALSE(worker.has<protocol::Renewed>());
    control_->failing = false;
}

}  // namespace
}  // namespace windlass::scheduler::service_test
