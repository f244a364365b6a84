// The engine with a Slurm that does what the test says, time as the test says, and real directories.
#include "worker/slurm/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "shared/digest.h"
#include "tests/support/temporary_directory.h"
#include "tests/worker/fake_connection.h"
#include "tests/worker/set_clock.h"

namespace windlass::worker::slurm {
namespace {

using windlass::worker::testing::assembled;
using windlass::worker::testing::FakeConnection;
using windlass::worker::testing::only;
using windlass::worker::testing::SetClock;

AttemptRef job(int number) {
    return {JobId{number}, 1};
}

// What the test and the engine's Client share: the cluster.
struct Cluster {
    std::vector<QueuedJob> jobs;
    bool answers = true;         // squeue
    bool loses_answers = false;  // sbatch: the job arrives, the answer does not
    bool drops_submissions = false;
    std::string refuses;
    std::vector<SlurmJobId> cancelled, killed;
    bool gathers = true;  // what jobs use
    int asked = 0;
    int asked_for_use = 0;

    QueuedJob* of(AttemptRef ref) {
        const auto found = std::ranges::find(jobs, ref, &QueuedJob::ref);
        return found == jobs.end() ? nullptr : &*found;
    }
    void run(AttemptRef ref, WallTime at) {
        of(ref)->state = "RUNNING";
        of(ref)->started = at;
    }
    void end(AttemptRef ref, const std::string& state, int status, WallTime at) {
        of(ref)->state = state;
        of(ref)->wait_status = status;
        of(ref)->ended = at;
    }
};

class FakeSlurm final : public Client {
  public:
    explicit FakeSlurm(Cluster& cluster) : cluster_(cluster) {}
    Result<SlurmJobId> submit(AttemptRef ref, const JobSpec&) const override {
        if (!cluster_.refuses.empty()) return make_error(ErrorKind::invalid, cluster_.refuses);
        if (cluster_.drops_submissions) return make_error(ErrorKind::unavailable, "timed out");
        QueuedJob job;
        job.id = static_cast<SlurmJobId>(cluster_.jobs.size()) + 1;
        job.ref = ref;
        job.state = "PENDING";
        cluster_.jobs.push_back(job);
        if (cluster_.loses_answers) return make_error(ErrorKind::unavailable, "timed out");
        return job.id;
    }
    Result<std::vector<QueuedJob>> queue() const override {
        ++cluster_.asked;
        if (!cluster_.answers) return make_error(ErrorKind::unavailable, "Unable to contact slurm controller");
        return cluster_.jobs;
    }
    Result<std::vector<JobUse>> use(const std::vector<SlurmJobId>& jobs) const override {
        ++cluster_.asked_for_use;
        if (!cluster_.gathers) return make_error(ErrorKind::unavailable, "sstat: disabled");
        std::vector<JobUse> uses;
        for (const SlurmJobId id : jobs) uses.push_back({id, Seconds{7}, 5 * mebibyte, 11, 13});
        return uses;
    }
    Status cancel(const std::vector<SlurmJobId>& jobs, bool at_once) const override {
        auto& told = at_once ? cluster_.killed : cluster_.cancelled;
        told.insert(told.end(), jobs.begin(), jobs.end());
        for (auto& one : cluster_.jobs)
            if (std::ranges::find(jobs, one.id) != jobs.end() && one.phase() != QueuedJob::Phase::over)
                one.state = "CANCELLED";
        return {};
    }

  private:
    Cluster& cluster_;
};

class SlurmEngineTest : public ::testing::Test {
  protected:
    SlurmEngineTest() {
        initialise_crypto();
        scratch_.make_directory("shared");
        settings_.site.directory = scratch_ / "shared";
        settings_.site.uid = geteuid();
        settings_.site.gid = getegid();
        settings_.collect.keep_bytes = mebibyte;
        live();
        engine_->connected(connection_, clock_.now().steady);
    }
    // A life of the worker: what the one before had in memory is gone.
    void live() {
        engine_.reset();
        auto ledger = Ledger::open(scratch_.path());
        ASSERT_TRUE(ledger) << ledger.error().message;
        settings_.site.identity = ledger->identity();
        std::filesystem::create_directories(settings_.site.directory + "/" + settings_.site.identity);
        engine_ = std::make_unique<SlurmEngine>(
            settings_, std::make_shared<FakeSlurm>(cluster_), std::move(ledger).value(),
            BlobCache::open(scratch_ / "blobs", mebibyte).value(),
            [](auto work, auto done) {
                work();
                done();
            },
            clock_, [this](FinishedAttempt finished, SteadyTime) { finished_.push_back(std::move(finished)); });
    }
    void pass(Milliseconds time) {
        clock_.passed += time;
        engine_->on_time(clock_.now().steady);
    }
    void poll() { pass(settings_.site.poll); }
    void lease(int number, JobSpec spec = {}, const std::string& code = {}) {
        protocol::Lease lease;
        lease.attempt = job(number);
        spec.running_commands = "true";
        lease.spec = std::move(spec);
        lease.code_size = static_cast<std::int64_t>(code.size());
        ASSERT_TRUE(engine_->lease(lease, code, clock_.now().steady));
    }
    void lease_and_run(int number) {
        lease(number);
        cluster_.run(job(number), clock_.now().wall);
        poll();
    }
    std::string place(int number) const { return places(settings_.site, job(number)).all; }
    void print(int number, const std::string& text) {
        std::ofstream(place(number) + "/stdout", std::ios::app | std::ios::binary) << text;
    }
    const protocol::AttemptFinished& result(std::size_t index = 0) const {
        return std::get<protocol::AttemptFinished>(finished_.at(index).parts.back().message);
    }
    std::vector<AttemptRef> in_hand() const {
        std::vector<AttemptRef> refs;
        engine_->append_held(refs);
        return refs;
    }
    std::string all_output(int number) const {
        auto sent = connection_.sent;
        for (const auto& finished : finished_)
            for (const auto& part : finished.parts) sent.push_back({part.message, part.body});
        return assembled(sent, job(number), OutputStream::standard_output);
    }

    test::TemporaryDirectory scratch_;
    EngineSettings settings_;
    Cluster cluster_;
    SetClock clock_;
    FakeConnection connection_;
    std::unique_ptr<SlurmEngine> engine_;
    std::vector<FinishedAttempt> finished_;
};

TEST_F(SlurmEngineTest, an_attempt_goes_to_slurm_and_its_end_comes_back_with_what_it_left) {
    lease(1, {}, "the code");
    ASSERT_EQ(cluster_.jobs.size(), 1u);
    EXPECT_EQ(in_hand(), (std::vector<AttemptRef>{job(1)}));
    cluster_.run(job(1), clock_.now().wall);
    poll();
    EXPECT_EQ(only<protocol::AttemptStarted>(connection_.sent).size(), 1u);
    print(1, "hello\n");
    std::ofstream(place(1) + "/work/out/file") << "kept";
    cluster_.end(job(1), "FAILED", 3 << 8, clock_.now().wall + Seconds{2});
    poll();
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().result.outcome, (Outcome{OutcomeKind::exited, 3, 0, {}}));
    EXPECT_EQ(result().result.files.at(0).path, "file");
    EXPECT_EQ(all_output(1), "hello\n");
    EXPECT_TRUE(in_hand().empty());
    EXPECT_TRUE(std::filesystem::exists(place(1))) << "until the result is safe";
    engine_->result_is_safe(job(1));
    EXPECT_FALSE(std::filesystem::exists(place(1)));
}

TEST_F(SlurmEngineTest, a_submission_whose_answer_was_lost_is_found_and_not_made_twice) {
    cluster_.loses_answers = true;
    lease(1);
    cluster_.loses_answers = false;
    poll();
    poll();
    EXPECT_EQ(cluster_.jobs.size(), 1u);
    cluster_.run(job(1), clock_.now().wall);
    poll();
    EXPECT_EQ(only<protocol::AttemptStarted>(connection_.sent).size(), 1u);
}

TEST_F(SlurmEngineTest, a_submission_that_did_not_arrive_is_made_again_once_slurm_says_so) {
    cluster_.drops_submissions = true;
    lease(1);
    cluster_.drops_submissions = false;
    cluster_.answers = false;
    for (int i = 0; i < 10; ++i) poll();
    EXPECT_TRUE(cluster_.jobs.empty()) << "nobody knows whether it is there";
    cluster_.answers = true;
    for (int i = 0; i < 10; ++i) poll();
    EXPECT_EQ(cluster_.jobs.size(), 1u);
}

TEST_F(SlurmEngineTest, what_slurm_refuses_is_a_failed_setup_with_its_words) {
    cluster_.refuses = "Invalid partition name specified";
    lease(1);
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().result.outcome.kind, OutcomeKind::setup_failed);
    EXPECT_EQ(result().result.outcome.detail, "sbatch: Invalid partition name specified");
}

TEST_F(SlurmEngineTest, a_cancelled_attempt_is_reported_once_slurm_says_that_it_is_over) {
    lease_and_run(1);
    engine_->cancel(job(1), clock_.now().steady);
    EXPECT_EQ(cluster_.cancelled, (std::vector<SlurmJobId>{1}));
    EXPECT_TRUE(finished_.empty());
    poll();
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().result.outcome.kind, OutcomeKind::cancelled);
}

TEST_F(SlurmEngineTest, the_timeout_counts_from_the_start_that_slurm_tells) {
    JobSpec spec;
    spec.timeout = Seconds{60};
    lease(1, spec);
    for (int i = 0; i < 100; ++i) poll();
    EXPECT_TRUE(cluster_.cancelled.empty()) << "it waits in Slurm's queue";
    cluster_.run(job(1), clock_.now().wall);
    poll();
    pass(Seconds{30});
    EXPECT_TRUE(cluster_.cancelled.empty());
    pass(Seconds{31});
    EXPECT_EQ(cluster_.cancelled, (std::vector<SlurmJobId>{1}));
    poll();
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().result.outcome.kind, OutcomeKind::out_of_time);
}

TEST_F(SlurmEngineTest, a_revoked_attempt_is_killed_and_nothing_of_it_is_told_or_kept) {
    lease_and_run(1);
    engine_->revoke(job(1));
    EXPECT_TRUE(in_hand().empty());
    poll();
    EXPECT_EQ(cluster_.killed, (std::vector<SlurmJobId>{1}));
    poll();
    EXPECT_TRUE(finished_.empty());
    EXPECT_FALSE(std::filesystem::exists(place(1)));
}

TEST_F(SlurmEngineTest, a_job_that_slurm_would_never_start_does_not_wait_for_ever) {
    lease(1);
    cluster_.of(job(1))->reason = "Resources";
    poll();
    EXPECT_TRUE(cluster_.cancelled.empty());
    cluster_.of(job(1))->reason = "PartitionTimeLimit";
    poll();
    poll();
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().result.outcome.kind, OutcomeKind::setup_failed);
    EXPECT_NE(result().result.outcome.detail.find("PartitionTimeLimit"), std::string::npos);
    EXPECT_TRUE(only<protocol::AttemptStarted>(connection_.sent).empty());
}

TEST_F(SlurmEngineTest, a_clock_of_slurm_that_is_late_ends_nobody_too_early) {
    JobSpec spec;
    spec.timeout = Seconds{60};
    lease(1, spec);
    cluster_.run(job(1), clock_.now().wall - std::chrono::hours{2});
    poll();
    pass(Seconds{30});
    EXPECT_TRUE(cluster_.cancelled.empty());
}

TEST_F(SlurmEngineTest, what_slurm_gathers_of_a_running_job_is_sampled_and_stands_in_its_result) {
    lease_and_run(1);
    for (int i = 0; i < 5; ++i) pass(Seconds{2});
    EXPECT_EQ(only<protocol::AttemptSampled>(connection_.sent).size(), 1u);
    cluster_.end(job(1), "COMPLETED", 0, clock_.now().wall);
    poll();
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().result.usage.peak_memory_bytes, 5 * mebibyte);
    EXPECT_EQ(result().result.usage.cpu_user, Seconds{7});
}

TEST_F(SlurmEngineTest, a_job_that_uses_more_memory_than_its_limit_is_ended_where_slurm_does_not) {
    JobSpec spec;
    spec.limits.memory_bytes = 4 * mebibyte;
    lease(1, spec);
    cluster_.run(job(1), clock_.now().wall);
    poll();
    pass(Seconds{6});
    EXPECT_EQ(cluster_.cancelled, std::vector<SlurmJobId>{1});
    poll();
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().result.outcome.kind, OutcomeKind::out_of_memory);
    EXPECT_EQ(result().result.outcome.detail, "it used 5 MiB, more than its limit of 4 MiB (limits.memory_bytes)");
}

TEST_F(SlurmEngineTest, a_job_that_fills_the_shared_directory_is_ended_and_one_that_leads_out_of_it_is_not_followed) {
    JobSpec spec;
    spec.limits.disk_bytes = mebibyte;
    spec.limits.inodes = 20;
    for (const int number : {1, 2, 3}) {
        lease(number, spec);
        cluster_.run(job(number), clock_.now().wall);
    }
    poll();
    std::filesystem::create_directory(place(1) + "/work/deep");
    std::ofstream(place(1) + "/work/deep/large") << std::string(2 * mebibyte, 'x');
    for (int i = 0; i < 30; ++i) std::ofstream(place(2) + "/work/file" + std::to_string(i)) << "";
    std::filesystem::create_directory_symlink(place(1) + "/work/deep", place(3) + "/work/elsewhere");
    pass(settings_.sample_interval);
    EXPECT_EQ(std::set(cluster_.cancelled.begin(), cluster_.cancelled.end()), (std::set<SlurmJobId>{1, 2}));
    poll();
    ASSERT_EQ(finished_.size(), 2u);
    for (const std::size_t index : {0, 1}) {
        EXPECT_EQ(result(index).result.outcome.kind, OutcomeKind::out_of_disk);
        EXPECT_THAT(result(index).result.outcome.detail,
                    ::testing::AnyOf(::testing::HasSubstr("limits.disk_bytes"), ::testing::HasSubstr("limits.inodes")));
    }
    EXPECT_EQ(in_hand(), (std::vector<AttemptRef>{job(3)}));
}

TEST_F(SlurmEngineTest, a_slurm_that_gathers_nothing_is_not_asked_for_ever) {
    cluster_.gathers = false;
    lease_and_run(1);
    for (int i = 0; i < 1000; ++i) poll();
    EXPECT_EQ(cluster_.asked_for_use, 3);
    EXPECT_TRUE(finished_.empty());
}

TEST_F(SlurmEngineTest, lost_leases_kill_everything_in_slurm) {
    lease_and_run(1);
    lease(2);
    engine_->kill_all();
    EXPECT_EQ(cluster_.killed.size(), 2u);
    poll();
    EXPECT_TRUE(finished_.empty());
    EXPECT_TRUE(in_hand().empty());
}

TEST_F(SlurmEngineTest, a_next_life_goes_on_with_what_is_in_slurm_and_repeats_its_output_in_the_same_chunks) {
    lease_and_run(1);
    print(1, "first ");
    poll();
    const auto chunks = only<protocol::AttemptOutput>(connection_.sent);
    ASSERT_EQ(chunks.size(), 1u);
    print(1, "second ");
    live();
    EXPECT_EQ(in_hand(), (std::vector<AttemptRef>{job(1)}));
    engine_->connected(connection_, clock_.now().steady);
    poll();
    poll();
    print(1, "third");
    cluster_.end(job(1), "COMPLETED", 0, clock_.now().wall);
    poll();
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(all_output(1), "first second third");
    EXPECT_EQ(cluster_.jobs.size(), 1u);
}

TEST_F(SlurmEngineTest, a_next_life_ends_again_what_had_ended_and_was_not_handed_over) {
    lease_and_run(1);
    print(1, "text");
    cluster_.end(job(1), "COMPLETED", 0, clock_.now().wall);
    poll();
    ASSERT_EQ(finished_.size(), 1u);
    finished_.clear();
    live();
    engine_->connected(connection_, clock_.now().steady);
    poll();
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(all_output(1), "text");
}

TEST_F(SlurmEngineTest, a_next_life_leaves_alone_what_the_outbox_has) {
    lease_and_run(1);
    cluster_.end(job(1), "COMPLETED", 0, clock_.now().wall);
    live();
    engine_->result_is_safe(job(1));
    poll();
    EXPECT_TRUE(finished_.empty());
    EXPECT_FALSE(std::filesystem::exists(place(1)));
}

TEST_F(SlurmEngineTest, a_life_that_ended_while_it_submitted_asks_slurm_by_name) {
    cluster_.loses_answers = true;
    lease(1);
    live();
    engine_->connected(connection_, clock_.now().steady);
    EXPECT_EQ(in_hand(), (std::vector<AttemptRef>{job(1)}));
    poll();
    cluster_.end(job(1), "COMPLETED", 0, clock_.now().wall);
    poll();
    EXPECT_EQ(finished_.size(), 1u);
    EXPECT_EQ(cluster_.jobs.size(), 1u);
}

TEST_F(SlurmEngineTest, a_next_life_that_nobody_welcomes_in_time_cancels_what_it_found) {
    lease_and_run(1);
    live();
    pass(settings_.adoption - Milliseconds{1});
    EXPECT_TRUE(cluster_.killed.empty());
    pass(Milliseconds{1});
    EXPECT_EQ(cluster_.killed, (std::vector<SlurmJobId>{1}));
}

TEST_F(SlurmEngineTest, a_job_of_ours_that_nobody_has_is_cancelled) {
    lease_and_run(1);
    QueuedJob late;
    late.id = 99;
    late.ref = job(7);
    late.state = "PENDING";
    cluster_.jobs.push_back(late);
    poll();
    EXPECT_EQ(cluster_.killed, (std::vector<SlurmJobId>{99}));
    EXPECT_EQ(in_hand(), (std::vector<AttemptRef>{job(1)}));
}

TEST_F(SlurmEngineTest, a_job_that_slurm_has_forgotten_is_lost_and_not_waited_for) {
    lease_and_run(1);
    cluster_.jobs.clear();
    for (int i = 0; i < 5; ++i) poll();
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().result.outcome.kind, OutcomeKind::worker_lost);
}

TEST_F(SlurmEngineTest, a_flood_is_ended) {
    JobSpec spec;
    spec.limits.output_bytes = 4096;
    lease(1, spec);
    cluster_.run(job(1), clock_.now().wall);
    poll();
    print(1, std::string(16 * 4096, 'x'));
    poll();
    poll();
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().result.outcome.kind, OutcomeKind::output_limit);
    EXPECT_EQ(all_output(1).size(), 4096u);
}

TEST_F(SlurmEngineTest, one_question_is_asked_for_all_and_none_when_nothing_is_there) {
    for (int i = 1; i <= 20; ++i) lease(i);
    poll();
    cluster_.asked = 0;
    poll();
    EXPECT_EQ(cluster_.asked, 1);
    for (int i = 1; i <= 20; ++i) cluster_.end(job(i), "COMPLETED", 0, clock_.now().wall);
    poll();
    cluster_.asked = 0;
    for (int i = 0; i < 10; ++i) poll();
    EXPECT_EQ(cluster_.asked, 0);
    EXPECT_FALSE(engine_->next());
}

TEST_F(SlurmEngineTest, input_files_are_fetched_first_and_no_file_name_leads_out_of_the_directory) {
    JobSpec spec;
    spec.files = {{"in/set", sha256_hex("data set")}};
    lease(1, spec);
    EXPECT_TRUE(cluster_.jobs.empty());
    ASSERT_EQ(only<protocol::FetchBlob>(connection_.sent).size(), 1u);
    engine_->blob_fetched({sha256_hex("data set"), true}, "data set", clock_.now().steady);
    ASSERT_EQ(cluster_.jobs.size(), 1u);
    EXPECT_TRUE(std::filesystem::exists(place(1) + "/work/in/set"));
    spec.files = {{"../escaped", sha256_hex("data set")}};
    lease(2, spec);
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_EQ(result().result.outcome.kind, OutcomeKind::setup_failed);
    EXPECT_FALSE(std::filesystem::exists(place(2) + "/escaped"));
}

TEST_F(SlurmEngineTest, two_workers_never_share_a_state_directory) {
    const auto second = Ledger::open(scratch_.path());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::conflict);
}

TEST(SlurmLedger, a_line_that_was_not_written_to_its_end_is_none) {
    protocol::Lease lease;
    lease.attempt = job(1);
    const std::string first = protocol::encode(lease) + "\n";
    const auto entry = parse_entry(first + "job 17\ncut 1 10\ncut 2 5\ncut 1 20\ncut 1 15\nnoise\ncut 1 3");
    ASSERT_TRUE(entry) << entry.error().message;
    EXPECT_EQ(entry->job, 17);
    EXPECT_EQ(entry->cuts.at(OutputStream::standard_output), (std::vector<std::int64_t>{10, 20}));
    EXPECT_EQ(entry->cuts.at(OutputStream::standard_error), (std::vector<std::int64_t>{5}));
    EXPECT_FALSE(parse_entry(first.substr(0, first.size() - 1)));
    EXPECT_FALSE(parse_entry("job 17\n"));
}

}  // namespace
}  // namespace windlass::worker::slurm
