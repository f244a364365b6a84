// Workers at the door of the scheduler, and what it believes of what they say.
#include "tests/scheduler/service_fixture.h"

namespace windlass::scheduler::service_test {
namespace {

TEST_F(ServiceTest, a_result_of_a_stranger_attempt_is_refused_and_leaves_nothing) {
    start();
    Client& worker = join("worker");
    protocol::AttemptFinished finished;
    finished.attempt = {JobId{100000001}, 1};
    finished.stdout_size = 3;
    worker.connection->send(finished, "abc");
    EXPECT_FALSE(wait_for<protocol::AcknowledgeFinish>(worker).first.accepted);
    control_->each_batch([](const Batch& batch) { EXPECT_TRUE(batch.results.empty() && batch.output.empty()); });
}

TEST_F(ServiceTest, a_worker_that_lies_about_a_hash_is_cut_off) {
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    protocol::AttemptFinished finished;
    finished.attempt = wait_for<protocol::Lease>(worker).first.attempt;
    finished.result.files = {{"f", 2, sha256_hex("other bytes"), true}};
    worker.connection->send(finished, "ff");
    EXPECT_TRUE(loop_.run_until([&] { return !worker.closed.empty(); }));
}

TEST_F(ServiceTest, a_second_worker_of_the_same_name_is_refused_and_the_first_stays) {
    start();
    Client& first = join("worker", "node", "instance-1");
    Client& second = join("worker", "node", "instance-2");
    EXPECT_THAT(second.take<protocol::Refused>().first.reason, HasSubstr("worker.name"));
    first.connection->send(protocol::Renew{});
    wait_for<protocol::Renewed>(first);
}

TEST_F(ServiceTest, a_worker_that_reconnects_replaces_its_former_connection_and_keeps_its_attempt) {
    start();
    Client& before = join("worker", "node", "same");
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    const AttemptRef one = wait_for<protocol::Lease>(before).first.attempt;
    const AttemptRef two = wait_for<protocol::Lease>(before).first.attempt;
    Client& after = join("worker", "node", "same", {one});  // it never got the second lease, it says
    EXPECT_TRUE(loop_.run_until([&] { return !before.closed.empty(); }));
    const AttemptRef again = wait_for<protocol::Lease>(after).first.attempt;
    EXPECT_EQ(again, (AttemptRef{two.job, 2}));
    protocol::AttemptFinished finished;
    finished.attempt = one;
    after.connection->send(finished);
    EXPECT_TRUE(wait_for<protocol::AcknowledgeFinish>(after).first.accepted);
}

TEST_F(ServiceTest, a_hello_that_arrives_after_a_later_one_of_the_same_worker_changes_nothing) {
    start();
    const auto greet = [&](std::int64_t dial_number) -> Client& {
        Client& client = dial();
        protocol::Hello hello;
        hello.role = "worker";
        hello.name = "node";
        hello.instance = "same";
        hello.dial = dial_number;
        hello.cpu_millis = 2000;
        hello.memory_bytes = 8 * gibibyte;
        client.connection->send(hello);
        EXPECT_TRUE(loop_.run_until([&] { return client.has<protocol::Welcome>() || !client.closed.empty(); }));
        return client;
    };
    Client& current = greet(2);
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    const AttemptRef running = wait_for<protocol::Lease>(current).first.attempt;
    Client& late = greet(1);
    EXPECT_FALSE(late.has<protocol::Welcome>());
    EXPECT_FALSE(late.has<protocol::Refused>()) << "a worker that is refused ends, and this one lives";
    protocol::AttemptFinished finished;
    finished.attempt = running;
    current.connection->send(finished);
    EXPECT_TRUE(wait_for<protocol::AcknowledgeFinish>(current).first.accepted);
}

// A clock that the test moves on.
class MovedClock final : public Clock {
  public:
    Now now() const override {
        Now now = SystemClock().now();
        now.steady += ahead;
        return now;
    }
    Milliseconds ahead{0};
};

TEST_F(ServiceTest, a_lease_that_waited_too_long_for_its_commit_is_taken_back_and_given_anew) {
    MovedClock clock;
    auto opened = Service::open(loop_.get(), clock, settings_, std::make_unique<SwitchedStore>(control_), 1, {},
                                [](const std::string&) {});
    ASSERT_TRUE(opened.ok());
    service_ = std::move(opened).value();
    Client& worker = join("worker");
    Client& api = join("api");
    ASSERT_TRUE(loop_.run_until([&] { return control_->waiting == 0; }));
    control_->close_gate();
    api.connection->send(two_jobs(1), "codeD1dat");
    ASSERT_TRUE(loop_.run_until([&] { return control_->waiting == 1; }));
    clock.ahead = settings_.longest_wait_of_a_lease() + Milliseconds{1};
    control_->open_gate();
    wait_for<protocol::JobsSubmitted>(api);
    worker.connection->send(protocol::Renew{});  // a worker that handed something back rests until it renews
    EXPECT_EQ(wait_for<protocol::Lease>(worker).first.attempt.attempt, 2);
}

TEST_F(ServiceTest, a_stranger_that_says_nothing_is_cut_off) {
    settings_.hello_deadline = Milliseconds{50};
    start();
    Client& silent = dial();
    EXPECT_TRUE(loop_.run_until([&] { return !silent.closed.empty(); }));
}

TEST_F(ServiceTest, a_stranger_that_does_not_greet_is_cut_off) {
    start();
    Client& rude = dial();
    rude.connection->send(protocol::AskStatistics{RequestId{1}});
    EXPECT_TRUE(loop_.run_until([&] { return !rude.closed.empty(); }));
    EXPECT_TRUE(rude.inbox.empty());
}

TEST(ServiceSettingsTest, a_network_address_without_a_secret_is_refused) {
    test::TestLoop loop;
    const SystemClock clock;
    ServiceSettings settings;
    settings.listen = wire::parse_endpoint("127.0.0.1:0").value();
    const auto opened =
        Service::open(loop.get(), clock, settings, make_memory_store(), 1, {}, [](const std::string&) {});
    ASSERT_FALSE(opened.ok());
    EXPECT_THAT(opened.error().message, HasSubstr("secret_file"));
}

}  // namespace
}  // namespace windlass::scheduler::service_test
