// The runner and the input files of attempts: asking, sharing, waiting, ending before the start; and deadlines.
#include <fcntl.h>
#include <gtest/gtest.h>

#include "tests/worker/runner_fixture.h"

namespace windlass::worker {
namespace {

using testing::at;
using testing::job;
using testing::only;

class RunnerFiles : public testing::RunnerFixture {
  protected:
    RunnerFiles() : RunnerFixture({at(0), WallTime{Seconds{1'900'000'000}}}) {}
    // `files`: path -> content.
    void lease(int number, const std::map<std::string, std::string>& files, JobSpec spec = {}, int now = 0) {
        protocol::Lease lease;
        lease.attempt = job(number);
        lease.spec = std::move(spec);
        for (const auto& [path, bytes] : files) lease.spec.files[path] = sha256_hex(bytes);
        ASSERT_TRUE(runner().lease(std::move(lease), "", at(now)));
    }
    void bring(const std::string& bytes, int now = 0) {
        runner().blob_fetched({sha256_hex(bytes), true}, bytes, at(now));
    }
    std::vector<std::string> asked() {
        std::vector<std::string> hashes;
        for (const auto& fetch : only<protocol::FetchBlob>(connection_.sent)) hashes.push_back(fetch.sha256);
        return hashes;
    }
    void started_and_ended(BoxId box) {
        sandbox_.say_started(box, at(0));
        sandbox_.say_ended(box);
        runner().on_sandbox_readable(at(0));
    }
    const Outcome& outcome(std::size_t index = 0) const { return result(index).result.outcome; }
    std::size_t returned() { return only<protocol::AttemptReturned>(connection_.sent).size(); }
    std::size_t held() { return in_hand().size(); }
    JobSpec until(Seconds deadline) const {
        JobSpec spec;
        spec.deadline = clock_.now().wall + deadline;
        return spec;
    }
};

TEST_F(RunnerFiles, start_an_attempt_when_all_are_there_under_their_paths) {
    connect();
    lease(1, {{"in/a.txt", "ay"}, {"b", "bee"}});
    EXPECT_EQ(asked().size(), 2u);
    bring("ay");
    EXPECT_EQ(sandbox_.started(), 0u);
    EXPECT_TRUE(runner().runs_nothing());
    EXPECT_EQ(held(), 1u) << "an attempt that waits for its files is in hand";
    bring("bee");
    ASSERT_EQ(sandbox_.started(), 1u);
    EXPECT_EQ(sandbox_.box(1).spec.files.at("in/a.txt"), "ay");
    EXPECT_EQ(sandbox_.box(1).spec.files.at("b"), "bee");
    EXPECT_TRUE(sandbox_.box(1).spec.files.contains("code"));
    EXPECT_FALSE(runner().runs_nothing());
}

TEST_F(RunnerFiles, that_several_attempts_need_are_asked_for_once_ever) {
    connect();
    for (int i = 1; i <= 2; ++i) lease(i, {{"set", "data set"}, {"twice", "data set"}});
    EXPECT_EQ(asked(), (std::vector<std::string>{sha256_hex("data set")}));
    bring("data set");
    EXPECT_EQ(sandbox_.started(), 2u);
    lease(3, {{"again", "data set"}});
    started_and_ended(1);
    EXPECT_EQ(sandbox_.started(), 3u);
    EXPECT_EQ(sandbox_.box(3).spec.files.at("again"), "data set");
    EXPECT_EQ(asked().size(), 1u);
}

TEST_F(RunnerFiles, do_not_hold_up_the_attempts_behind) {
    connect();
    lease(1, {{"f", "slow"}});
    lease(2, {});
    ASSERT_EQ(sandbox_.started(), 1u);
    EXPECT_EQ(sandbox_.box(1).spec.name, "2.1");
}

TEST_F(RunnerFiles, an_attempt_waits_in_line_from_its_last_file_on) {
    connect();
    JobSpec large;
    large.limits.cpu_millis = 2000;
    lease(1, {}, large);
    lease(2, {{"f", "x"}});
    runner().on_time(at(5000));
    EXPECT_EQ(returned(), 0u) << "waiting for files is not waiting in line";
    bring("x", 6000);
    EXPECT_EQ(runner().next(), at(7000));
    runner().on_time(at(7000));
    EXPECT_EQ(returned(), 1u);
}

TEST_F(RunnerFiles, are_asked_for_again_on_the_next_connection) {
    lease(1, {{"f", "x"}});
    EXPECT_TRUE(asked().empty());
    connect();
    EXPECT_EQ(asked().size(), 1u);
    runner().disconnected();
    connect();
    EXPECT_EQ(asked().size(), 2u);
    bring("x");
    EXPECT_EQ(sandbox_.started(), 1u);
}

TEST_F(RunnerFiles, a_few_are_under_way_at_the_same_time) {
    connect();
    std::map<std::string, std::string> files;
    for (char c = 'a'; c <= 'z'; ++c) files[std::string(1, c)] = std::string(3, c);
    lease(1, files);
    EXPECT_EQ(asked().size(), InputFiles::most_under_way);
    for (std::size_t i = 0; i < files.size(); ++i) {
        const auto hash = asked().at(i);
        const auto file = std::ranges::find_if(files, [&](const auto& f) { return sha256_hex(f.second) == hash; });
        bring(file->second);
    }
    EXPECT_EQ(asked().size(), files.size());
    EXPECT_EQ(sandbox_.started(), 1u);
}

TEST_F(RunnerFiles, one_that_nobody_has_fails_the_setup_with_its_path_and_hash) {
    connect();
    lease(1, {{"in/a", "x"}, {"b", "y"}});
    lease(2, {{"b", "y"}});
    runner().blob_fetched({sha256_hex("x"), false}, "", at(0));
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(outcome().kind, OutcomeKind::setup_failed);
    EXPECT_NE(outcome().detail.find("in/a"), std::string::npos) << outcome().detail;
    EXPECT_NE(outcome().detail.find(sha256_hex("x")), std::string::npos);
    bring("y");
    ASSERT_EQ(sandbox_.started(), 1u);
    EXPECT_EQ(sandbox_.box(1).spec.name, "2.1");
}

TEST_F(RunnerFiles, other_bytes_than_those_of_the_hash_fail_the_setup) {
    connect();
    lease(1, {{"in/a", "x"}});
    runner().blob_fetched({sha256_hex("x"), true}, "forged", at(0));
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(outcome().kind, OutcomeKind::setup_failed);
    EXPECT_NE(outcome().detail.find("in/a"), std::string::npos) << outcome().detail;
    EXPECT_EQ(sandbox_.started(), 0u);
    EXPECT_TRUE(runner().empty());
}

TEST_F(RunnerFiles, an_attempt_can_be_cancelled_or_revoked_while_it_waits_for_them) {
    connect();
    lease(1, {{"f", "x"}});
    lease(2, {{"f", "x"}});
    runner().cancel(job(1), at(0));
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(outcome().kind, OutcomeKind::cancelled);
    runner().revoke(job(2));
    EXPECT_TRUE(runner().empty());
    bring("x");
    EXPECT_EQ(sandbox_.started(), 0u);
    lease(3, {{"f", "x"}});
    EXPECT_EQ(sandbox_.started(), 1u) << "what came for nobody was kept all the same";
}

TEST_F(RunnerFiles, draining_hands_back_who_waits_for_them) {
    lease(1, {{"f", "x"}});
    runner().drain();
    EXPECT_TRUE(runner().runs_nothing());
    EXPECT_EQ(held(), 1u) << "without a connection it is kept, as it would count as lost";
    connect();
    EXPECT_EQ(returned(), 1u);
    EXPECT_TRUE(runner().empty());
    EXPECT_TRUE(asked().empty());
}

TEST_F(RunnerFiles, losing_the_leases_drops_who_waits_for_them) {
    connect();
    lease(1, {{"f", "x"}});
    runner().kill_all();
    EXPECT_TRUE(runner().empty());
    bring("x");
    EXPECT_TRUE(finished_.empty());
    EXPECT_EQ(sandbox_.started(), 0u);
}

TEST_F(RunnerFiles, larger_than_the_whole_cache_are_used_and_not_kept) {
    cache_bytes_ = 0;
    connect();
    lease(1, {{"f", "large"}});
    lease(2, {{"g", "large"}});
    bring("large");
    EXPECT_EQ(sandbox_.started(), 2u);
    EXPECT_EQ(sandbox_.box(2).spec.files.at("g"), "large");
    lease(3, {{"f", "large"}});
    EXPECT_EQ(asked().size(), 2u);
}

TEST_F(RunnerFiles, that_do_not_fit_its_disk_end_the_attempt_with_the_limit) {
    connect();
    JobSpec spec;
    spec.limits.disk_bytes = 64 * kibibyte;
    lease(1, {{"f", std::string(65 * kibibyte, 'x')}}, spec);
    bring(std::string(65 * kibibyte, 'x'));
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(outcome().kind, OutcomeKind::out_of_disk);
    EXPECT_NE(outcome().detail.find("limits.disk_bytes"), std::string::npos) << outcome().detail;
    EXPECT_EQ(sandbox_.started(), 0u);
}

TEST_F(RunnerFiles, damaged_on_disk_before_the_start_are_fetched_again) {
    connect();
    JobSpec large;
    large.limits.cpu_millis = 2000;
    lease(1, {}, large);
    lease(2, {{"f", "intact"}});
    bring("intact");
    scratch_.write("blobs/" + sha256_hex("intact"), "broken");
    started_and_ended(1);
    EXPECT_EQ(sandbox_.started(), 1u);
    EXPECT_EQ(asked().size(), 2u);
    bring("intact");
    ASSERT_EQ(sandbox_.started(), 2u);
    EXPECT_EQ(sandbox_.box(2).spec.files.at("f"), "intact");
}

// ---- large ones are read elsewhere

const std::string large_file(2 * mebibyte, 'x');

class LargeRunnerFiles : public RunnerFiles {
  protected:
    LargeRunnerFiles() {
        inline_background_ = false;
        cache_bytes_ = 16 * mebibyte;
        connect();
        JobSpec whole_machine;
        whole_machine.limits.cpu_millis = 2000;
        lease(1, {{"f", large_file}}, whole_machine);
        bring(large_file);
    }
};

TEST_F(LargeRunnerFiles, are_read_elsewhere_while_the_slot_is_taken) {
    ASSERT_EQ(background_.size(), 1u);
    lease(2, {});
    EXPECT_EQ(sandbox_.started(), 0u);
    EXPECT_TRUE(runner().runs_nothing());
    background_[0]();
    ASSERT_EQ(sandbox_.started(), 1u);
    EXPECT_EQ(sandbox_.box(1).spec.files.at("f"), large_file);
    started_and_ended(1);
    EXPECT_EQ(sandbox_.started(), 2u);
}

TEST_F(LargeRunnerFiles, an_attempt_cancelled_or_revoked_meanwhile_frees_its_slot_when_the_reading_ends) {
    lease(2, {});
    runner().cancel(job(1), at(0));
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(outcome().kind, OutcomeKind::cancelled);
    EXPECT_EQ(sandbox_.started(), 0u);
    background_[0]();
    ASSERT_EQ(sandbox_.started(), 1u);
    EXPECT_EQ(sandbox_.box(1).spec.name, "2.1");
}

TEST_F(LargeRunnerFiles, killing_all_meanwhile_leaves_nothing_to_start) {
    runner().kill_all();
    EXPECT_TRUE(runner().empty());
    background_[0]();
    EXPECT_EQ(sandbox_.started(), 0u);
    lease(2, {});
    EXPECT_EQ(sandbox_.started(), 1u) << "the slot is free again";
}

TEST_F(LargeRunnerFiles, draining_meanwhile_hands_it_back_once_there_is_a_connection) {
    runner().disconnected();
    runner().drain();
    background_[0]();
    EXPECT_EQ(sandbox_.started(), 0u);
    EXPECT_EQ(held(), 1u);
    connect();
    EXPECT_EQ(returned(), 1u);
    EXPECT_TRUE(runner().empty());
}

TEST_F(RunnerFiles, what_a_pattern_of_outputs_takes_comes_with_the_result) {
    const test::TemporaryDirectory work;
    work.write("run.log", "lines");
    work.write("data", "input");
    JobSpec spec;
    spec.outputs = {"*"};
    lease(1, {}, spec);
    sandbox_.say_started(1, at(0));
    sandbox_.say_ended(1, {}, open(work.path().c_str(), O_PATH | O_CLOEXEC));
    runner().on_sandbox_readable(at(0));
    ASSERT_EQ(finished_.size(), 1u);
    const auto& files = std::get<protocol::AttemptFinished>(finished_[0].parts.back().message).result.files;
    ASSERT_EQ(files.size(), 1u);
    EXPECT_EQ(files[0].path, "run.log");
    EXPECT_EQ(finished_[0].parts.back().body, "lines");
}

// ---- deadlines

TEST_F(RunnerFiles, a_deadline_stops_what_runs_and_is_named) {
    lease(1, {}, until(Seconds{10}));
    sandbox_.say_started(1, at(0));
    runner().on_sandbox_readable(at(0));
    EXPECT_EQ(runner().next(), at(10'000));
    runner().on_time(at(9'999));
    EXPECT_TRUE(sandbox_.box(1).stops.empty());
    runner().on_time(at(10'000));
    EXPECT_EQ(sandbox_.box(1).stops, (std::vector<Milliseconds>{settings_.kill_grace}));
    sandbox_.say_ended(1, {OutcomeKind::signalled, 0, 15, ""});
    runner().on_sandbox_readable(at(10'001));
    EXPECT_EQ(outcome(), (Outcome{OutcomeKind::out_of_time, 0, 0, "its deadline 2030-03-17T17:46:50Z passed"}));
}

TEST_F(RunnerFiles, of_timeout_and_deadline_the_earlier_one_counts) {
    JobSpec spec = until(Seconds{10});
    spec.timeout = Seconds{3};
    lease(1, {}, spec);
    sandbox_.say_started(1, at(0));
    runner().on_sandbox_readable(at(0));
    runner().on_time(at(3000));
    sandbox_.say_ended(1);
    runner().on_sandbox_readable(at(3000));
    EXPECT_NE(outcome().detail.find("timeout"), std::string::npos) << outcome().detail;
}

TEST_F(RunnerFiles, a_deadline_ends_what_waits_for_files_or_in_line) {
    connect();
    JobSpec large;
    large.limits.cpu_millis = 2000;
    lease(1, {{"f", "x"}}, until(Seconds{10}));
    lease(2, {}, large);
    lease(3, {}, until(Seconds{1}), 9'000);
    runner().on_time(at(9'999));
    EXPECT_TRUE(finished_.empty());
    EXPECT_EQ(runner().next(), at(10'000));
    runner().on_time(at(10'000));
    ASSERT_EQ(finished_.size(), 2u);
    for (const std::size_t i : {0u, 1u}) {
        EXPECT_EQ(outcome(i).kind, OutcomeKind::out_of_time);
        EXPECT_NE(outcome(i).detail.find("its deadline"), std::string::npos);
    }
    bring("x", 10'000);
    EXPECT_EQ(sandbox_.started(), 1u);
}

TEST_F(RunnerFiles, an_attempt_whose_deadline_has_passed_already_is_never_started) {
    lease(1, {}, until(Seconds{-5}));
    EXPECT_EQ(sandbox_.started(), 0u);
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(outcome().kind, OutcomeKind::out_of_time);
}

}  // namespace
}  // namespace windlass::worker
