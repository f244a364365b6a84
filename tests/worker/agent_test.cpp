// The agent on a real loop and a real socket, with a scheduler that follows a script and a sandbox that runs nothing.
#include "worker/agent.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "shared/digest.h"
#include "tests/support/temporary_directory.h"
#include "tests/worker/fake_sandbox.h"
#include "tests/worker/scripted_scheduler.h"
#include "worker/images/import.h"
#include "worker/sandbox_engine.h"

namespace windlass::worker {
namespace {

using testing::FakeSandbox;
using testing::only;

AttemptRef job(int number) {
    return {JobId{number}, 1};
}

// The machine's clock, and a jump that the test adds: what a process sees that was stopped for a while.
class JumpingClock final : public Clock {
  public:
    Now now() const override {
        Now now = SystemClock().now();
        now.steady += jump;
        return now;
    }
    Microseconds jump{};
};

class AgentTest : public ::testing::Test {
  protected:
    AgentTest() : scheduler_(loop_, scratch_ / "socket") {
        std::signal(SIGPIPE, SIG_IGN);  // as main() does
        initialise_crypto();
        settings_.schedulers = {scheduler_.endpoint()};
        settings_.name = "node-1";
        settings_.instance = "abc";
        settings_.secret = "a long enough secret";
        settings_.prefetch = 64;
        runner_settings_.cpu_millis = 2000;
        runner_settings_.memory_bytes = gibibyte;
        runner_settings_.boxes = 8;
        settings_.random = [] { return 0.0; };
        settings_.on_ready = [this] { ++ready_; };
        settings_.last_words = Milliseconds{300};
    }
    ~AgentTest() override {
        // Twice, so whatever state the test left it in, it ends; then the loop runs out.
        if (agent_ && !agent_->exit_code()) agent_->terminate();
        if (agent_ && !agent_->exit_code()) agent_->terminate();
        scheduler_.cut();
        scheduler_.stop_listening();
        uv_run(loop_.get(), UV_RUN_DEFAULT);
    }
    void start_agent() {
        auto sandbox = std::make_unique<FakeSandbox>();
        sandbox_ = sandbox.get();
        agent_ = std::make_unique<Agent>(
            loop_.get(), settings_,
            sandbox_engine(runner_settings_, std::move(sandbox),
                           BlobCache::open(scratch_.path() + "/blobs", mebibyte).value(), clock_),
            ResultSpool::open(scratch_.path()).value(), clock_);
        agent_->start();
    }
    void connect() {
        start_agent();
        ASSERT_TRUE(loop_.until([&] { return ready_ == 1; }));
    }
    void job_is_killed_for_want_of_renewals() {
        scheduler_.renew_every_ms = 30;
        scheduler_.self_kill_after_ms = 150;
        connect();
        lease_and_start(1);
        scheduler_.answer_renewals = false;
        ASSERT_TRUE(loop_.until([&] { return !sandbox_->box(1).stops.empty(); }));
    }
    void lease_and_start(int number) {
        const auto box = sandbox_->started() + 1;
        scheduler_.lease(job(number), "sleep");
        ASSERT_TRUE(loop_.until([&] { return sandbox_->started() == box; }));
        sandbox_->say_started(box);
        const auto before = scheduler_.count<protocol::AttemptStarted>();
        ASSERT_TRUE(loop_.until([&] { return scheduler_.count<protocol::AttemptStarted>() > before; }));
    }
    bool finished(int number) {
        return loop_.until([&] { return scheduler_.finished(job(number)) != nullptr; });
    }
    // A round trip: what was sent before has been handled by the agent. An attempt that is cancelled at once answers,
    // from the queue or from a box.
    void settle() {
        const auto answers = scheduler_.count<protocol::AttemptFinished>();
        const auto box = sandbox_->started() + 1;
        const auto acknowledge = std::exchange(scheduler_.acknowledge, true);
        const AttemptRef probe{JobId{999'999}, ++round_};
        JobSpec whole_machine;
        whole_machine.limits.cpu_millis = 100'000;
        scheduler_.lease(probe, "never", whole_machine);
        scheduler_.send(protocol::CancelAttempt{probe});
        ASSERT_TRUE(loop_.until([&] {
            if (sandbox_->started() == box && !sandbox_->box(box).ended) sandbox_->say_ended(box);
            return scheduler_.count<protocol::AttemptFinished>() > answers;
        }));
        scheduler_.acknowledge = acknowledge;
    }
    bool on_disk(int number) const { return std::filesystem::exists(scratch_ / ("results/" + job(number).text())); }

    test::TemporaryDirectory scratch_;
    testing::TestLoop loop_;
    testing::ScriptedScheduler scheduler_;
    AgentSettings settings_;
    RunnerSettings runner_settings_;
    JumpingClock clock_;
    std::unique_ptr<Agent> agent_;
    FakeSandbox* sandbox_ = nullptr;
    int ready_ = 0;
    AttemptNumber round_ = 0;
};

TEST_F(AgentTest, says_hello_with_what_it_offers) {
    connect();
    ASSERT_EQ(scheduler_.hellos.size(), 1u);
    const auto& hello = scheduler_.hellos[0];
    EXPECT_EQ(hello.role, "worker");
    EXPECT_EQ(hello.name, "node-1");
    EXPECT_EQ(hello.instance, "abc");
    EXPECT_EQ(hello.secret, "a long enough secret");
    EXPECT_EQ(hello.cpu_millis, 2000);
    EXPECT_EQ(hello.memory_bytes, gibibyte);
    EXPECT_EQ(hello.prefetch, 64);
    EXPECT_TRUE(hello.held.empty());
}

TEST_F(AgentTest, takes_no_new_jobs_while_the_disk_has_no_room_and_keeps_those_in_hand) {
    std::string why;
    settings_.why_no_room = [&why] { return why; };
    settings_.look_for_room = Milliseconds{5};
    connect();
    EXPECT_EQ(scheduler_.hellos[0].cpu_millis, 2000);
    lease_and_start(1);
    why = "the disk is full";
    ASSERT_TRUE(loop_.until([&] { return scheduler_.hellos.size() == 2; }));
    EXPECT_EQ(scheduler_.hellos[1].cpu_millis, 1) << "next to nothing";
    EXPECT_EQ(scheduler_.hellos[1].memory_bytes, 1);
    EXPECT_EQ(scheduler_.hellos[1].prefetch, 0);
    EXPECT_EQ(scheduler_.hellos[1].held, std::vector<AttemptRef>{job(1)}) << "what runs goes on";
    EXPECT_TRUE(sandbox_->box(1).stops.empty());
    why.clear();
    ASSERT_TRUE(loop_.until([&] { return scheduler_.hellos.size() == 3; }));
    EXPECT_EQ(scheduler_.hellos[2].cpu_millis, 2000);
    EXPECT_EQ(scheduler_.hellos[2].prefetch, 64);
}

TEST_F(AgentTest, begins_without_an_offer_where_the_disk_is_full_already) {
    settings_.why_no_room = [] { return std::string("the disk is full"); };
    connect();
    EXPECT_EQ(scheduler_.hellos[0].cpu_millis, 1);
}

TEST_F(AgentTest, says_which_images_and_data_sets_it_has_and_says_it_again_when_they_change) {
    SiteStore store(scratch_ / "site");
    ASSERT_TRUE(store.prepare().ok());
    runner_settings_.site = std::make_shared<SiteThings>(store);
    connect();
    EXPECT_TRUE(scheduler_.hellos[0].images.empty() && scheduler_.hellos[0].datasets.empty());
    lease_and_start(1);

    scratch_.make_directory("data");
    ASSERT_TRUE(add_dataset(store, "Löhne 2026", scratch_ / "data").ok());
    ASSERT_TRUE(loop_.until([&] { return scheduler_.hellos.size() == 2; }));
    EXPECT_EQ(scheduler_.hellos[1].datasets, (std::map<std::string, std::string>{{"Löhne 2026", ""}}));
    EXPECT_EQ(scheduler_.hellos[1].held, std::vector<AttemptRef>{job(1)}) << "what runs goes on";

    ImageRecord record;
    record.digest = "sha256:" + std::string(64, 'a');
    record.config.entry_point = {"serve", "--all"};
    record.config.working_directory = "/srv";
    record.config.env = {{"FROM", "image"}};
    record.user = image_user("", "", "");
    {
        auto change = store.change();
        ASSERT_TRUE(change.ok());
        const std::string staged = change->stage().value();
        std::filesystem::create_directory(staged + "/root");
        ASSERT_TRUE(change->keep_image("tiny", staged, record).ok());
    }
    ASSERT_TRUE(loop_.until([&] { return scheduler_.hellos.size() == 3; }));
    EXPECT_EQ(scheduler_.hellos[2].images, (std::map<std::string, std::string>{{"tiny", record.digest}}));

    JobSpec spec;
    spec.image = "tiny";
    spec.datasets = {"Löhne 2026"};
    const auto box = sandbox_->started() + 1;
    scheduler_.lease(job(2), "", spec);
    ASSERT_TRUE(loop_.until([&] { return sandbox_->started() == box; }));
    const BoxSpec& made = sandbox_->box(box).spec;
    EXPECT_EQ(made.argv, record.config.entry_point);
    EXPECT_EQ(made.start_directory, "/srv");
    ASSERT_TRUE(made.image.has_value());
    EXPECT_TRUE(made.image->root_directory.ends_with("/site/images/" + std::string(64, 'a') + "/root"));
    ASSERT_EQ(made.datasets.size(), 1U);
    EXPECT_EQ(made.datasets[0].directory, std::filesystem::canonical(scratch_ / "data").string());
    sandbox_->say_ended(box);

    spec.image = "other";
    scheduler_.lease(job(3), "true", spec);
    ASSERT_TRUE(finished(3));
    EXPECT_EQ(scheduler_.finished(job(3))->result.outcome.kind, OutcomeKind::setup_failed);
}

TEST_F(AgentTest, says_its_version_labels_and_resources) {
    settings_.labels = {{"zone", "b"}};
    settings_.resources = {{"gpu", 2}};
    connect();
    const auto& hello = scheduler_.hellos.at(0);
    EXPECT_EQ(hello.software, WINDLASS_VERSION);
    EXPECT_EQ(hello.labels, settings_.labels);
    EXPECT_EQ(hello.resources, settings_.resources);
}

TEST_F(AgentTest, fetches_an_input_file_and_asks_again_after_a_lost_connection) {
    connect();
    JobSpec spec;
    spec.files = {{"in/set", sha256_hex("data set")}};
    scheduler_.lease(job(1), "cat in/set", spec);
    ASSERT_TRUE(loop_.until([&] { return scheduler_.count<protocol::FetchBlob>() == 1; }));
    scheduler_.cut();
    ASSERT_TRUE(loop_.until([&] { return scheduler_.count<protocol::FetchBlob>() == 2; }));
    EXPECT_EQ(scheduler_.hellos.back().held, (std::vector<AttemptRef>{job(1)}));
    scheduler_.send(protocol::BlobFetched{sha256_hex("data set"), true}, "data set");
    ASSERT_TRUE(loop_.until([&] { return sandbox_->started() == 1; }));
    EXPECT_EQ(sandbox_->box(1).spec.files.at("in/set"), "data set");
    EXPECT_TRUE(std::filesystem::exists(scratch_ / ("blobs/" + sha256_hex("data set"))));
}

TEST_F(AgentTest, a_deadline_that_passes_while_files_are_awaited_ends_the_attempt) {
    connect();
    JobSpec spec;
    spec.files = {{"set", sha256_hex("x")}};
    spec.deadline = SystemClock().now().wall + Milliseconds{50};
    scheduler_.lease(job(1), "true", spec);
    ASSERT_TRUE(finished(1));
    EXPECT_EQ(scheduler_.finished(job(1))->result.outcome.kind, OutcomeKind::out_of_time);
    EXPECT_EQ(sandbox_->started(), 0u);
}

TEST_F(AgentTest, runs_a_job_and_forgets_it_when_the_result_is_acknowledged) {
    connect();
    lease_and_start(1);
    sandbox_->print(1, "hello\n");
    sandbox_->say_ended(1, {OutcomeKind::exited, 0, 0, ""});
    ASSERT_TRUE(finished(1));
    EXPECT_EQ(testing::assembled(scheduler_.received, job(1), OutputStream::standard_output), "hello\n");
    settle();
    scheduler_.cut();
    ASSERT_TRUE(loop_.until([&] { return scheduler_.hellos.size() == 2; }));
    EXPECT_TRUE(scheduler_.hellos[1].held.empty());
}

TEST_F(AgentTest, dials_until_a_scheduler_is_there) {
    scheduler_.stop_listening();
    int dials = 0;
    settings_.random = [&] {
        ++dials;
        return 0.0;
    };
    start_agent();
    ASSERT_TRUE(loop_.until([&] { return dials >= 3; }));
    scheduler_.listen();
    EXPECT_TRUE(loop_.until([&] { return ready_ == 1; }));
}

TEST_F(AgentTest, keeps_its_jobs_when_the_scheduler_freezes_and_another_one_takes_over) {
    testing::ScriptedScheduler next(loop_, scratch_ / "next");
    next.stop_listening();
    settings_.schedulers.push_back(next.endpoint());
    scheduler_.renew_every_ms = 200;
    connect();
    lease_and_start(1);
    scheduler_.answer_renewals = false;
    scheduler_.welcome = false;  // as a frozen process does: it accepts, and says nothing
    ASSERT_TRUE(loop_.until([&] { return scheduler_.hellos.size() == 2; }));
    next.listen();
    ASSERT_TRUE(loop_.until([&] { return next.hellos.size() == 1; }));
    EXPECT_EQ(next.hellos[0].held, std::vector{job(1)});
    sandbox_->say_ended(1, {OutcomeKind::exited, 0, 0, ""});
    EXPECT_TRUE(loop_.until([&] { return next.finished(job(1)) != nullptr; }));
    next.cut();
    next.stop_listening();
}

TEST_F(AgentTest, ends_with_1_when_it_is_refused) {
    scheduler_.refuse = "the secret is wrong";
    start_agent();
    ASSERT_TRUE(loop_.until([&] { return agent_->exit_code().has_value(); }));
    EXPECT_EQ(agent_->exit_code(), 1);
    EXPECT_EQ(ready_, 0);
}

TEST_F(AgentTest, ends_with_1_when_the_sandbox_breaks) {
    connect();
    lease_and_start(1);
    sandbox_->break_down("the spawner died");
    ASSERT_TRUE(loop_.until([&] { return agent_->exit_code().has_value(); }));
    EXPECT_EQ(agent_->exit_code(), 1);
}

TEST_F(AgentTest, ends_with_1_when_the_sandbox_breaks_as_a_job_is_to_be_started) {
    connect();
    sandbox_->break_at_start("the cgroup of all jobs was taken away");
    scheduler_.lease(job(1), "sleep");
    ASSERT_TRUE(loop_.until([&] { return agent_->exit_code().has_value(); }));
    EXPECT_EQ(agent_->exit_code(), 1);
}

TEST_F(AgentTest, gives_up_a_scheduler_that_does_not_speak_as_one) {
    connect();
    scheduler_.send(protocol::JobEnded{JobId{1}, true});
    ASSERT_TRUE(loop_.until([&] { return scheduler_.hellos.size() == 2; }));
    protocol::Lease lease;
    lease.attempt = job(1);
    lease.code_size = 5;
    scheduler_.send(lease, "abc");
    ASSERT_TRUE(loop_.until([&] { return scheduler_.hellos.size() == 3; }));
    EXPECT_EQ(sandbox_->started(), 0u);
}

// ---- reconnecting
// -----------------------------------------------------------------------------------------------------

TEST_F(AgentTest, after_a_reconnect_it_names_everything_in_hand_and_goes_on) {
    connect();
    scheduler_.acknowledge = false;
    lease_and_start(1);
    lease_and_start(2);
    scheduler_.lease(job(3), "waits");
    settle();
    sandbox_->say_ended(2);
    ASSERT_TRUE(finished(2));
    scheduler_.cut();
    scheduler_.received.clear();
    ASSERT_TRUE(loop_.until([&] { return scheduler_.hellos.size() == 2; }));
    auto held = scheduler_.hellos[1].held;
    std::erase_if(held, [](AttemptRef ref) { return ref.job == JobId{999'999}; });
    std::sort(held.begin(), held.end());
    EXPECT_EQ(held, (std::vector<AttemptRef>{job(1), job(2), job(3)}));
    ASSERT_TRUE(finished(2)) << "offered again";
    EXPECT_TRUE(sandbox_->box(1).stops.empty()) << "its job runs on";
    sandbox_->say_ended(1);
    EXPECT_TRUE(finished(1));
}

TEST_F(AgentTest, output_is_whole_after_a_cut_in_the_middle) {
    connect();
    lease_and_start(1);
    std::string expected;
    for (int round = 0; round < 4; ++round) {
        const std::string text = "round " + std::to_string(round) + "\n";
        expected += text;
        sandbox_->print(1, text);
        const auto chunks = scheduler_.count<protocol::AttemptOutput>();
        ASSERT_TRUE(loop_.until([&] { return scheduler_.count<protocol::AttemptOutput>() > chunks; }));
        if (round % 2 == 0) continue;
        scheduler_.cut();
        scheduler_.received.clear();  // as if nothing of it had been made durable
        const auto hellos = scheduler_.hellos.size();
        ASSERT_TRUE(loop_.until([&] { return scheduler_.hellos.size() > hellos; }));
        ASSERT_TRUE(loop_.until([&] { return scheduler_.count<protocol::AttemptStarted>() == 1; }));
    }
    sandbox_->print(1, "end");
    sandbox_->say_ended(1);
    ASSERT_TRUE(finished(1));
    EXPECT_EQ(testing::assembled(scheduler_.received, job(1), OutputStream::standard_output), expected + "end");
}

TEST_F(AgentTest, a_result_that_ends_while_the_scheduler_is_away_waits_on_disk) {
    connect();
    lease_and_start(1);
    scheduler_.stop_listening();
    scheduler_.cut();
    sandbox_->say_ended(1, {OutcomeKind::exited, 7, 0, ""});
    ASSERT_TRUE(loop_.until([&] { return on_disk(1); }));
    EXPECT_EQ(scheduler_.finished(job(1)), nullptr);
    scheduler_.listen();
    ASSERT_TRUE(finished(1));
    EXPECT_EQ(scheduler_.finished(job(1))->result.outcome.exit_code, 7);
    EXPECT_TRUE(loop_.until([&] { return !on_disk(1); }));
}

TEST_F(AgentTest, the_next_life_hands_over_what_the_last_one_left) {
    {
        OutputCollector out(100), err(100);
        out.add("from before");
        const auto spool = ResultSpool::open(scratch_.path());
        ASSERT_TRUE(spool->write(make_finished(job(1), {}, out, err, "")));
    }
    connect();
    EXPECT_EQ(scheduler_.hellos[0].held, (std::vector<AttemptRef>{job(1)}));
    ASSERT_TRUE(finished(1));
    EXPECT_EQ(testing::assembled(scheduler_.received, job(1), OutputStream::standard_output), "from before");
    EXPECT_TRUE(loop_.until([&] { return !on_disk(1); }));
}

TEST_F(AgentTest, what_is_revoked_in_the_outbox_is_dropped) {
    connect();
    scheduler_.acknowledge = false;
    lease_and_start(1);
    sandbox_->say_ended(1);
    ASSERT_TRUE(finished(1));
    scheduler_.send(protocol::RevokeAttempt{job(1)});
    settle();
    scheduler_.cut();
    ASSERT_TRUE(loop_.until([&] { return scheduler_.hellos.size() == 2; }));
    EXPECT_TRUE(scheduler_.hellos[1].held.empty());
}

// ---- leases
// -----------------------------------------------------------------------------------------------------------

TEST_F(AgentTest, renews_everything_in_hand_at_the_pace_it_is_told) {
    scheduler_.renew_every_ms = 30;
    connect();
    lease_and_start(1);
    ASSERT_TRUE(loop_.until([&] { return scheduler_.count<protocol::Renew>() >= 3; }));
    EXPECT_EQ(only<protocol::Renew>(scheduler_.received).back().held, (std::vector<AttemptRef>{job(1)}));
    EXPECT_TRUE(sandbox_->box(1).stops.empty());
}

TEST_F(AgentTest, kills_its_jobs_when_renewals_are_not_answered_and_dials_again) {
    ASSERT_NO_FATAL_FAILURE(job_is_killed_for_want_of_renewals());
    EXPECT_EQ(sandbox_->box(1).stops[0], Milliseconds{0});
    scheduler_.answer_renewals = true;
    ASSERT_TRUE(loop_.until([&] { return scheduler_.hellos.size() == 2; }));
    sandbox_->say_ended(1);
    settle();
    EXPECT_EQ(scheduler_.finished(job(1)), nullptr) << "nothing is reported";
}

TEST_F(AgentTest, kills_its_jobs_when_the_scheduler_stays_away) {
    scheduler_.self_kill_after_ms = 150;
    connect();
    lease_and_start(1);
    scheduler_.stop_listening();
    scheduler_.cut();
    EXPECT_TRUE(loop_.until([&] { return !sandbox_->box(1).stops.empty(); }));
}

TEST_F(AgentTest, wakes_from_a_long_freeze_by_killing_before_saying_anything) {
    connect();
    lease_and_start(1);
    lease_and_start(2);
    // While it was frozen one job ended, and the news of it is what wakes it.
    clock_.jump = Seconds{11};
    sandbox_->say_ended(2);
    ASSERT_TRUE(loop_.until([&] { return !sandbox_->box(1).stops.empty(); }));
    EXPECT_EQ(sandbox_->box(2).stops.size(), 1u) << "killing came before its end was even looked at";
    ASSERT_TRUE(loop_.until([&] { return scheduler_.hellos.size() == 2; }));
    settle();
    EXPECT_EQ(scheduler_.finished(job(1)), nullptr);
    EXPECT_EQ(scheduler_.finished(job(2)), nullptr);
}

TEST_F(AgentTest, after_a_self_kill_it_works_again) {
    ASSERT_NO_FATAL_FAILURE(job_is_killed_for_want_of_renewals());
    scheduler_.answer_renewals = true;
    sandbox_->say_ended(1);
    ASSERT_TRUE(loop_.until([&] { return scheduler_.hellos.size() == 2 && scheduler_.connected(); }));
    lease_and_start(2);
    sandbox_->say_ended(2);
    EXPECT_TRUE(finished(2));
}

// ---- the end
// ----------------------------------------------------------------------------------------------------------

TEST_F(AgentTest, without_work_it_ends_at_once_when_told) {
    connect();
    agent_->terminate();
    ASSERT_TRUE(loop_.until([&] { return agent_->exit_code().has_value(); }));
    EXPECT_EQ(agent_->exit_code(), 0);
    EXPECT_TRUE(loop_.until([&] { return scheduler_.count<protocol::WorkerDraining>() == 1; }));
}

TEST_F(AgentTest, drains_lets_what_runs_end_and_waits_for_the_acknowledgement) {
    connect();
    lease_and_start(1);
    lease_and_start(2);
    scheduler_.lease(job(3), "waits");
    settle();
    agent_->terminate();
    ASSERT_TRUE(loop_.until([&] { return scheduler_.count<protocol::AttemptReturned>() == 1; }));
    EXPECT_EQ(only<protocol::AttemptReturned>(scheduler_.received)[0].attempt, job(3));
    EXPECT_EQ(scheduler_.count<protocol::WorkerDraining>(), 1u);
    sandbox_->say_ended(1);
    sandbox_->say_ended(2);
    ASSERT_TRUE(loop_.until([&] { return agent_->exit_code().has_value(); }));
    EXPECT_EQ(agent_->exit_code(), 0);
    EXPECT_NE(scheduler_.finished(job(1)), nullptr);
    EXPECT_NE(scheduler_.finished(job(2)), nullptr);
    EXPECT_TRUE(sandbox_->box(1).stops.empty());
    EXPECT_FALSE(on_disk(1));
}

TEST_F(AgentTest, what_does_not_end_in_time_is_stopped_and_reported_as_lost_with_the_worker) {
    settings_.drain = Milliseconds{50};
    connect();
    lease_and_start(1);
    agent_->terminate();
    ASSERT_TRUE(loop_.until([&] { return !sandbox_->box(1).stops.empty(); }));
    EXPECT_FALSE(agent_->exit_code().has_value());
    sandbox_->say_ended(1, {OutcomeKind::signalled, 0, 15, ""});
    ASSERT_TRUE(loop_.until([&] { return agent_->exit_code().has_value(); }));
    ASSERT_TRUE(finished(1));
    EXPECT_EQ(scheduler_.finished(job(1))->result.outcome.kind, OutcomeKind::worker_lost);
}

TEST_F(AgentTest, a_result_that_nobody_acknowledges_does_not_hold_the_end_up_and_is_kept) {
    scheduler_.acknowledge = false;
    connect();
    lease_and_start(1);
    agent_->terminate();
    sandbox_->say_ended(1);
    ASSERT_TRUE(loop_.until([&] { return agent_->exit_code().has_value(); }));
    EXPECT_EQ(agent_->exit_code(), 0);
    EXPECT_TRUE(on_disk(1));
}

TEST_F(AgentTest, the_second_signal_kills) {
    connect();
    lease_and_start(1);
    agent_->terminate();
    EXPECT_FALSE(agent_->exit_code().has_value());
    agent_->terminate();
    EXPECT_EQ(agent_->exit_code(), 0);
    EXPECT_EQ(sandbox_->box(1).stops, (std::vector<Milliseconds>{Milliseconds{0}}));
}

TEST_F(AgentTest, can_be_told_to_end_while_no_scheduler_is_there) {
    scheduler_.stop_listening();
    start_agent();
    agent_->terminate();
    EXPECT_TRUE(loop_.until([&] { return agent_->exit_code().has_value(); }));
    EXPECT_EQ(agent_->exit_code(), 0);
}

}  // namespace
}  // namespace windlass::worker
