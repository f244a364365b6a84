// The runner without a loop: a fake sandbox, a fake connection, and time as the test says.
#include "worker/runner.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "tests/worker/runner_fixture.h"

namespace windlass::worker {
namespace {

using testing::at;
using testing::job;
using testing::only;

class RunnerTest : public testing::RunnerFixture {
  protected:
    RunnerTest() : RunnerFixture({at(777), {}}) {}
    void lease(int number, Limits limits = {}, Milliseconds timeout = Seconds{3600}, int now = 0) {
        protocol::Lease lease;
        lease.attempt = job(number);
        lease.spec.running_commands = "run " + std::to_string(number);
        lease.spec.limits = limits;
        lease.spec.timeout = timeout;
        lease.spec.env = {{"COLOUR", "blue"}};
        lease.code_size = 4;
        lease.data_size = 5;
        ASSERT_TRUE(runner().lease(lease, "codedata!", at(now)));
    }
    void started(BoxId box, int now = 0) {
        sandbox_.say_started(box, at(now));
        runner().on_sandbox_readable(at(now));
    }
    void ended(BoxId box, Outcome outcome = {}, int directory = -1, int now = 0) {
        sandbox_.say_ended(box, std::move(outcome), directory);
        runner().on_sandbox_readable(at(now));
    }
    std::vector<AttemptRef> held() {
        std::vector<AttemptRef> refs = in_hand();
        std::sort(refs.begin(), refs.end());
        return refs;
    }
    static Limits cpus(std::int32_t millis) {
        Limits limits;
        limits.cpu_millis = millis;
        return limits;
    }
    static Limits output_limit(std::int64_t bytes) {
        Limits limits;
        limits.output_bytes = bytes;
        return limits;
    }
};

TEST_F(RunnerTest, starts_a_box_with_what_the_lease_says) {
    lease(1);
    ASSERT_EQ(sandbox_.started(), 1u);
    const BoxSpec& spec = sandbox_.box(1).spec;
    EXPECT_EQ(spec.name, "1.1");
    EXPECT_EQ(spec.argv, (std::vector<std::string>{"/bin/sh", "-c", "run 1"}));
    EXPECT_EQ(spec.files.at("code"), "code");
    EXPECT_EQ(spec.files.at("data"), "data!");
    EXPECT_EQ(spec.env.at("COLOUR"), "blue");
    EXPECT_EQ(spec.network, Network::none);
}

TEST_F(RunnerTest, asks_the_sandbox_for_the_network_that_the_job_asks_for) {
    protocol::Lease lease;
    lease.attempt = job(1);
    lease.spec.network = Network::full;
    ASSERT_TRUE(runner().lease(lease, "", at(0)));
    EXPECT_EQ(sandbox_.box(1).spec.network, Network::full);
}

TEST_F(RunnerTest, refuses_a_lease_whose_body_does_not_hold_what_it_says) {
    protocol::Lease lease;
    lease.attempt = job(1);
    lease.code_size = 4;
    lease.data_size = 6;
    EXPECT_FALSE(runner().lease(lease, "codedata!", at(0)));
    lease.code_size = -1;
    lease.data_size = 10;
    EXPECT_FALSE(runner().lease(lease, "codedata!", at(0)));
    EXPECT_EQ(sandbox_.started(), 0u);
    EXPECT_TRUE(runner().empty());
}

TEST_F(RunnerTest, a_lease_said_twice_is_run_once) {
    lease(1);
    lease(1);
    EXPECT_EQ(sandbox_.started(), 1u);
}

TEST_F(RunnerTest, what_does_not_fit_waits_in_the_order_of_arrival) {
    lease(1);
    lease(2);
    lease(3);
    lease(4);
    EXPECT_EQ(sandbox_.started(), 2u);
    EXPECT_EQ(held().size(), 4u);
    started(1);
    ended(1);
    ASSERT_EQ(sandbox_.started(), 3u);
    EXPECT_EQ(sandbox_.box(3).spec.name, "3.1");
}

TEST_F(RunnerTest, a_large_one_is_not_overtaken_by_small_ones) {
    lease(1);
    lease(2, cpus(2000));
    lease(3, cpus(100));
    EXPECT_EQ(sandbox_.started(), 1u);
    ended(1);
    ASSERT_EQ(sandbox_.started(), 2u);
    EXPECT_EQ(sandbox_.box(2).spec.name, "2.1");
}

TEST_F(RunnerTest, an_attempt_that_needs_more_than_there_is_runs_alone) {
    lease(1, cpus(9000));
    lease(2);
    EXPECT_EQ(sandbox_.started(), 1u);
    ended(1);
    EXPECT_EQ(sandbox_.started(), 2u);
}

TEST_F(RunnerTest, what_has_waited_a_second_is_handed_back) {
    connect();
    lease(1, cpus(2000));
    lease(2);
    lease(3, {}, Seconds{1}, 500);
    runner().on_time(at(999));
    EXPECT_TRUE(only<protocol::AttemptReturned>(connection_.sent).empty());
    EXPECT_EQ(runner().next(), at(1000));
    runner().on_time(at(1000));
    ASSERT_EQ(only<protocol::AttemptReturned>(connection_.sent).size(), 1u);
    EXPECT_EQ(only<protocol::AttemptReturned>(connection_.sent)[0].attempt, job(2));
    EXPECT_EQ(held(), (std::vector<AttemptRef>{job(1), job(3)}));
}

TEST_F(RunnerTest, without_a_connection_nothing_is_handed_back) {
    lease(1, cpus(2000));
    lease(2);
    runner().on_time(at(5000));
    EXPECT_EQ(held().size(), 2u);
    connect();
    runner().on_time(at(5000));
    EXPECT_EQ(held().size(), 1u);
}

TEST_F(RunnerTest, says_when_it_runs_and_how_it_ended) {
    connect();
    lease(1);
    EXPECT_TRUE(only<protocol::AttemptStarted>(connection_.sent).empty());
    started(1, 100);
    EXPECT_EQ(only<protocol::AttemptStarted>(connection_.sent).size(), 1u);
    sandbox_.print(1, "to the world");
    sandbox_.print_error(1, "oops");
    ended(1, {OutcomeKind::exited, 3, 0, ""}, -1, 350);
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().result.outcome, (Outcome{OutcomeKind::exited, 3, 0, ""}));
    EXPECT_EQ(result().result.usage.wall, Milliseconds{250});
    EXPECT_EQ(result().result.usage.cpu_user, Microseconds{1234});
    EXPECT_EQ(finished_[0].parts.back().body, "to the worldoops");
    EXPECT_TRUE(only<protocol::AttemptOutput>(connection_.sent).empty()) << "a short job says everything at its end";
    EXPECT_TRUE(runner().empty());
}

TEST_F(RunnerTest, a_box_that_cannot_be_built_is_reported_as_the_sandbox_says) {
    lease(1);
    ended(1, {OutcomeKind::setup_failed, 0, 0, "mount /proc: Operation not permitted"});
    EXPECT_EQ(result().result.outcome.kind, OutcomeKind::setup_failed);
    EXPECT_EQ(result().result.outcome.detail, "mount /proc: Operation not permitted");
    EXPECT_EQ(result().result.usage.wall, Microseconds{0});
}

TEST_F(RunnerTest, a_box_that_cannot_even_be_asked_for_is_no_fault_of_the_job) {
    sandbox_.refuse_starts("no descriptors left");
    lease(1);
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().result.outcome, (Outcome{OutcomeKind::setup_failed, 0, 0, "no descriptors left"}));
    EXPECT_TRUE(runner().empty());
}

TEST_F(RunnerTest, a_stray_descriptor_on_the_pipe_does_not_keep_an_attempt_alive) {
    lease(1);
    started(1);
    sandbox_.print(1, "said");
    sandbox_.say_ended(1, {}, -1, true);
    runner().on_sandbox_readable(at(0));
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(finished_[0].parts.back().body, "said");
}

// ---- causes ---------------------------------------------------------------------------------------------------------

TEST_F(RunnerTest, a_timeout_counts_from_the_start_of_the_process) {
    lease(1, {}, Milliseconds{200});
    EXPECT_FALSE(runner().next().has_value()) << "not yet started: no deadline";
    started(1, 1000);
    runner().on_time(at(1199));
    EXPECT_TRUE(sandbox_.box(1).stops.empty());
    runner().on_time(at(1200));
    EXPECT_EQ(sandbox_.box(1).stops, (std::vector<Milliseconds>{settings_.kill_grace}));
    runner().on_time(at(1300));
    EXPECT_EQ(sandbox_.box(1).stops.size(), 1u) << "once";
    EXPECT_TRUE(finished_.empty()) << "not before the last process is gone";
    ended(1, {OutcomeKind::signalled, 0, 15, ""});
    EXPECT_EQ(result().result.outcome.kind, OutcomeKind::out_of_time);
}

TEST_F(RunnerTest, processor_time_is_asked_for_when_it_could_be_spent_and_ends_the_job_gently) {
    Limits limits;
    limits.cpu_time = Seconds{8};
    limits.processes = 1;  // so that it can use one processor at most, on any machine
    lease(1, limits);
    started(1, 1000);
    sandbox_.say_cpu_used(1, Seconds{6});
    runner().on_time(at(8999));
    EXPECT_TRUE(sandbox_.box(1).stops.empty());
    runner().on_time(at(9000));
    EXPECT_TRUE(sandbox_.box(1).stops.empty());
    sandbox_.say_cpu_used(1, Milliseconds{8'010});
    runner().on_time(at(10'999));
    EXPECT_TRUE(sandbox_.box(1).stops.empty()) << "two seconds were left: not asked before they could be over";
    runner().on_time(at(11'000));
    EXPECT_EQ(sandbox_.box(1).stops, (std::vector<Milliseconds>{settings_.kill_grace}));
    ended(1, {OutcomeKind::exited, 0, 0, ""});
    EXPECT_EQ(result().result.outcome, (Outcome{OutcomeKind::out_of_time, 0, 0,
                                                "used 8.01 s of processor time, its limit is 8 s (limits.cpu_s)"}));
}

TEST_F(RunnerTest, processor_time_that_nobody_counts_is_not_asked_for_again) {
    Limits limits;
    limits.cpu_time = Seconds{8};
    lease(1, limits, Seconds{3600});
    started(1, 0);
    runner().on_time(at(20'000));  // the sandbox does not know
    EXPECT_EQ(runner().next(), at(3'600'000)) << "only the timeout is left";
    EXPECT_TRUE(sandbox_.box(1).stops.empty());
}

TEST_F(RunnerTest, cancelling_what_waits_ends_it_at_once) {
    lease(1, cpus(2000));
    lease(2);
    runner().cancel(job(2), at(0));
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().attempt, job(2));
    EXPECT_EQ(result().result.outcome.kind, OutcomeKind::cancelled);
    ended(1);
    EXPECT_EQ(sandbox_.started(), 1u);
}

TEST_F(RunnerTest, cancelling_what_runs_is_reported_when_no_process_is_left) {
    lease(1);
    started(1);
    runner().cancel(job(1), at(0));
    EXPECT_EQ(sandbox_.box(1).stops, (std::vector<Milliseconds>{settings_.kill_grace}));
    EXPECT_TRUE(finished_.empty());
    ended(1, {OutcomeKind::signalled, 0, 9, ""});
    EXPECT_EQ(result().result.outcome.kind, OutcomeKind::cancelled);
}

TEST_F(RunnerTest, cancelling_works_while_the_box_is_being_built) {
    lease(1);
    runner().cancel(job(1), at(0));
    EXPECT_EQ(sandbox_.box(1).stops.size(), 1u);
    started(1);
    ended(1);
    EXPECT_EQ(result().result.outcome.kind, OutcomeKind::cancelled);
}

TEST_F(RunnerTest, a_box_that_does_not_end_costs_its_slot_and_the_attempt_is_tried_elsewhere) {
    lease(1);
    lease(2);
    started(1);
    sandbox_.print(1, "last words");
    sandbox_.say_stuck(1, "process 7 (dd) was killed and does not end");
    runner().on_sandbox_readable(at(0));
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().result.outcome,
              (Outcome{OutcomeKind::worker_lost, 0, 0, "process 7 (dd) was killed and does not end"}));
    EXPECT_EQ(finished_[0].parts.back().body, "last words");
    EXPECT_EQ(held(), (std::vector<AttemptRef>{job(2)}));
    EXPECT_EQ(runner().withheld(), (Withheld{Limits{}.cpu_millis, Limits{}.memory_bytes}));
    lease(3);
    EXPECT_EQ(sandbox_.started(), 2u) << "what the stuck box holds is not given to another";
    ended(1);
    EXPECT_EQ(runner().withheld(), Withheld{});
    EXPECT_EQ(finished_.size(), 1u) << "its end is told once";
    EXPECT_EQ(sandbox_.started(), 3u);
}

TEST_F(RunnerTest, a_cancelled_attempt_stays_cancelled_though_its_box_does_not_end) {
    lease(1);
    started(1);
    runner().cancel(job(1), at(0));
    sandbox_.say_stuck(1, "process 7 (dd) was killed and does not end");
    runner().on_sandbox_readable(at(0));
    EXPECT_EQ(result().result.outcome.kind, OutcomeKind::cancelled);
    EXPECT_TRUE(runner().empty());
}

TEST_F(RunnerTest, the_first_cause_wins) {
    lease(1, {}, Milliseconds{100});
    started(1, 0);
    runner().on_time(at(100));
    runner().cancel(job(1), at(150));
    ended(1, {OutcomeKind::out_of_memory, 0, 0, ""});
    EXPECT_EQ(result().result.outcome.kind, OutcomeKind::out_of_time);
}

TEST_F(RunnerTest, cancelling_the_unknown_is_ignored) {
    runner().cancel(job(7), at(0));
    runner().revoke(job(7));
    EXPECT_TRUE(finished_.empty());
}

TEST_F(RunnerTest, what_is_revoked_is_killed_at_once_and_never_mentioned_again) {
    lease(1, cpus(2000));
    lease(2);
    started(1);
    runner().revoke(job(1));
    runner().revoke(job(2));
    EXPECT_EQ(sandbox_.box(1).stops, (std::vector<Milliseconds>{Milliseconds{0}}));
    EXPECT_TRUE(held().empty());
    ended(1);
    EXPECT_TRUE(finished_.empty());
    EXPECT_TRUE(runner().empty());
    lease(3);
    EXPECT_EQ(sandbox_.started(), 2u) << "its slot is free again";
}

TEST_F(RunnerTest, killing_all_reports_nothing_but_names_what_still_dies) {
    connect();
    lease(1);
    lease(2, cpus(2000));
    started(1);
    runner().kill_all();
    EXPECT_EQ(sandbox_.box(1).stops, (std::vector<Milliseconds>{Milliseconds{0}}));
    EXPECT_EQ(held(), (std::vector<AttemptRef>{job(1)})) << "others must not begin before it is gone";
    runner().on_time(at(10'000'000));
    ended(1);
    EXPECT_TRUE(finished_.empty());
    EXPECT_TRUE(held().empty());
}

// ---- output ---------------------------------------------------------------------------------------------------------

TEST_F(RunnerTest, a_long_job_is_heard_while_it_runs) {
    connect();
    lease(1);
    started(1, 0);
    sandbox_.print(1, "tick ");
    runner().on_pipes_readable(at(1));
    ASSERT_EQ(only<protocol::AttemptOutput>(connection_.sent).size(), 1u) << "at once: nobody waits for its place";
    sandbox_.print(1, "tock");
    runner().on_pipes_readable(at(2));
    EXPECT_EQ(only<protocol::AttemptOutput>(connection_.sent).size(), 1u) << "too soon after the last";
    EXPECT_EQ(runner().next(), at(3));
    runner().on_time(at(3));
    EXPECT_EQ(only<protocol::AttemptOutput>(connection_.sent).size(), 2u);
    sandbox_.print(1, " tack");
    ended(1);
    connection_.sent.push_back({finished_[0].parts.back().message, finished_[0].parts.back().body});
    EXPECT_EQ(testing::assembled(connection_.sent, job(1), OutputStream::standard_output), "tick tock tack");
    EXPECT_EQ(result().stdout_offset, 9);
}

TEST_F(RunnerTest, while_others_wait_for_its_place_a_short_job_is_not_listened_to) {
    connect();
    lease(1, cpus(2000));
    lease(2, cpus(2000));
    started(1, 0);
    sandbox_.print(1, "hello");
    runner().on_pipes_readable(at(1));
    EXPECT_TRUE(only<protocol::AttemptOutput>(connection_.sent).empty());
    EXPECT_EQ(runner().next(), at(20));
    runner().on_time(at(20));
    runner().on_pipes_readable(at(20));
    EXPECT_EQ(only<protocol::AttemptOutput>(connection_.sent).size(), 1u);
}

TEST_F(RunnerTest, what_is_printed_on_and_on_is_gathered) {
    connect();
    lease(1);
    started(1, 0);
    int last = 0;
    for (int ms = 0; ms < 10'000; ++ms) {
        sandbox_.print(1, "x");
        runner().on_pipes_readable(at(ms));
        runner().on_time(at(ms));
        if (ms == 1000) last = static_cast<int>(only<protocol::AttemptOutput>(connection_.sent).size());
    }
    EXPECT_LE(last, 20) << "ten at once, then ten in a second";
    EXPECT_LE(only<protocol::AttemptOutput>(connection_.sent).size(), 110u);
    runner().on_time(at(20'000));
    EXPECT_EQ(testing::assembled(connection_.sent, job(1), OutputStream::standard_output).size(), 10'000u);
}

TEST_F(RunnerTest, a_full_chunk_does_not_wait) {
    connect();
    lease(1);
    started(1, 0);
    sandbox_.print(1, "x");
    runner().on_pipes_readable(at(30));
    sandbox_.print(1, std::string(65536, 'x'));
    runner().on_pipes_readable(at(30));
    EXPECT_EQ(only<protocol::AttemptOutput>(connection_.sent).size(), 2u);
}

TEST_F(RunnerTest, after_a_reconnect_it_says_again_what_runs_and_what_it_printed_with_the_same_boundaries) {
    connect();
    lease(1);
    started(1, 0);
    runner().on_time(at(20));
    sandbox_.print(1, "one ");
    runner().on_pipes_readable(at(30));
    runner().on_time(at(130));
    runner().disconnected();
    sandbox_.print(1, "two ");
    runner().on_pipes_readable(at(140));
    runner().on_time(at(1000));
    testing::FakeConnection second;
    runner().connected(second, at(2000));
    EXPECT_EQ(only<protocol::AttemptStarted>(second.sent).size(), 1u);
    ASSERT_EQ(only<protocol::AttemptOutput>(second.sent).size(), 2u);
    EXPECT_EQ(second.sent[1].body, "one ");
    EXPECT_EQ(testing::assembled(second.sent, job(1), OutputStream::standard_output), "one two ");
}

TEST_F(RunnerTest, live_output_waits_for_a_scheduler_that_reads_slowly) {
    connect();
    lease(1);
    started(1, 0);
    runner().on_time(at(20));
    connection_.unsent = 64 << 20;
    sandbox_.print(1, "patience");
    runner().on_pipes_readable(at(30));
    runner().on_time(at(130));
    EXPECT_TRUE(only<protocol::AttemptOutput>(connection_.sent).empty());
    connection_.unsent = 0;
    runner().on_time(*runner().next());
    EXPECT_EQ(only<protocol::AttemptOutput>(connection_.sent).size(), 1u);
}

TEST_F(RunnerTest, a_flood_ends_the_attempt_and_keeps_the_beginning) {
    lease(1, output_limit(10'000));
    started(1, 0);
    runner().on_time(at(20));
    for (int i = 0; i < 3; ++i) {
        sandbox_.print(1, std::string(60'000, 'x'));
        runner().on_pipes_readable(at(30));
    }
    EXPECT_EQ(sandbox_.box(1).stops, (std::vector<Milliseconds>{Milliseconds{0}}));
    sandbox_.print(1, "more");
    runner().on_pipes_readable(at(40));
    EXPECT_EQ(sandbox_.box(1).stops.size(), 1u) << "it is not even read any more";
    ended(1, {OutcomeKind::signalled, 0, 9, ""});
    EXPECT_EQ(result().result.outcome.kind, OutcomeKind::output_limit);
    EXPECT_EQ(result().result.stdout_bytes, 10'000);
    EXPECT_TRUE(result().result.stdout_truncated);
    EXPECT_FALSE(result().result.stderr_truncated);
}

TEST_F(RunnerTest, a_job_that_closes_its_output_early_goes_on) {
    lease(1);
    started(1, 0);
    runner().on_time(at(20));
    sandbox_.box(1).standard_output.reset();
    runner().on_pipes_readable(at(30));
    sandbox_.print_error(1, "still here");
    runner().on_pipes_readable(at(40));
    ended(1);
    EXPECT_EQ(finished_[0].parts.back().body, "still here");
}

// ---- files and ends
// ---------------------------------------------------------------------------------------------------

TEST_F(RunnerTest, files_come_with_the_result_and_the_slot_is_free_when_they_are_collected) {
    inline_background_ = false;
    const test::TemporaryDirectory work;
    work.make_directory("out");
    work.write("out/results.json", "[7]");
    lease(1, cpus(2000));
    lease(2);
    started(1);
    ended(1, {}, open(work.path().c_str(), O_PATH | O_CLOEXEC));
    EXPECT_TRUE(finished_.empty());
    EXPECT_EQ(sandbox_.started(), 1u);
    EXPECT_EQ(held().size(), 2u);
    ASSERT_EQ(background_.size(), 1u);
    background_[0]();
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().result.value_json, "[7]");
    EXPECT_EQ(result().result.files.size(), 1u);
    EXPECT_EQ(finished_[0].parts.back().body, "[7]");
    EXPECT_EQ(sandbox_.started(), 2u);
}

TEST_F(RunnerTest, what_is_revoked_while_it_is_collected_is_forgotten) {
    inline_background_ = false;
    const test::TemporaryDirectory work;
    work.make_directory("out");
    work.write("out/file", "x");
    lease(1);
    ended(1, {}, open(work.path().c_str(), O_PATH | O_CLOEXEC));
    runner().revoke(job(1));
    EXPECT_TRUE(held().empty());
    ASSERT_EQ(background_.size(), 1u);
    background_[0]();
    EXPECT_TRUE(finished_.empty());
    EXPECT_TRUE(runner().empty());
}

TEST_F(RunnerTest, draining_hands_back_what_waits_and_lets_the_rest_end) {
    connect();
    lease(1, cpus(2000));
    lease(2);
    runner().drain();
    EXPECT_EQ(only<protocol::AttemptReturned>(connection_.sent).size(), 1u);
    lease(3);
    EXPECT_EQ(only<protocol::AttemptReturned>(connection_.sent).size(), 2u) << "what comes now goes straight back";
    EXPECT_FALSE(runner().runs_nothing());
    started(1);
    ended(1);
    EXPECT_TRUE(runner().runs_nothing());
    EXPECT_EQ(sandbox_.started(), 1u);
}

TEST_F(RunnerTest, what_is_stopped_with_the_worker_is_tried_elsewhere) {
    lease(1);
    started(1);
    runner().stop_all("the worker was stopped");
    EXPECT_EQ(sandbox_.box(1).stops, (std::vector<Milliseconds>{settings_.kill_grace}));
    ended(1, {OutcomeKind::signalled, 0, 15, ""});
    EXPECT_EQ(result().result.outcome, (Outcome{OutcomeKind::worker_lost, 0, 0, "the worker was stopped"}));
}

}  // namespace
}  // namespace windlass::worker
