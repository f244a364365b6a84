// What workers measure, and what the scheduler tells of itself.
#include "tests/scheduler/service_fixture.h"

namespace windlass::scheduler::service_test {
namespace {

TEST_F(ServiceTest, what_a_worker_measures_of_its_attempts_is_kept_under_its_name) {
    start();
    Client& worker = join("worker", "node-1");
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    const AttemptRef attempt = wait_for<protocol::Lease>(worker).first.attempt;
    const WallTime now = clock_.now().wall;
    protocol::AttemptSampled sampled{attempt, {}};
    sampled.samples.push_back({now - Seconds{5}, "cpu_used", "", "", 0.75});
    sampled.samples.push_back({from_unix_us(1), "acc_mem_used", "accelerator", "GPU-1", 7});  // a clock that is wrong
    sampled.samples.push_back({now, "", "", "", 1});                                          // no name
    worker.connection->send(sampled);
    sampled.attempt.attempt = 9;  // not its own
    worker.connection->send(sampled);
    ASSERT_TRUE(loop_.run_until([&] { return control_->kept_samples().size() == 2; }));
    const auto kept = control_->kept_samples();
    EXPECT_EQ(kept[0].series, (metrics::SeriesKey{attempt.job, "node-1", "cpu_used", "node", ""}));
    EXPECT_EQ(kept[0].at, now - Seconds{5});
    EXPECT_EQ(kept[0].value, 0.75);
    EXPECT_EQ(kept[1].series, (metrics::SeriesKey{attempt.job, "node-1", "acc_mem_used", "accelerator", "GPU-1"}));
    EXPECT_GE(kept[1].at, now);
    EXPECT_THAT(figures(), testing::HasSubstr("windlass_samples_stored_total 2\n"));
    EXPECT_THAT(figures(), testing::HasSubstr("windlass_samples_dropped_total 4\n"));
}

TEST_F(ServiceTest, numbers_that_cannot_be_kept_cost_a_job_nothing) {
    control_->samples_fail = true;
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    const AttemptRef attempt = wait_for<protocol::Lease>(worker).first.attempt;
    worker.connection->send(protocol::AttemptSampled{attempt, {{clock_.now().wall, "cpu_used", "", "", 1}}});
    ASSERT_TRUE(
        loop_.run_until([&] { return figures().find("windlass_samples_dropped_total 1\n") != std::string::npos; }));
    protocol::AttemptFinished finished;
    finished.attempt = attempt;
    worker.connection->send(finished);
    EXPECT_TRUE(wait_for<protocol::AcknowledgeFinish>(worker).first.accepted);
    EXPECT_TRUE(deposed_.empty());
}

TEST_F(ServiceTest, a_worker_that_floods_with_numbers_is_bounded) {
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    const AttemptRef attempt = wait_for<protocol::Lease>(worker).first.attempt;
    protocol::AttemptSampled flood{attempt, {}};
    for (int i = 0; i < 1'000; ++i) flood.samples.push_back({clock_.now().wall, "user.x", "", "", 1.0 * i});
    for (int i = 0; i < 40; ++i) worker.connection->send(flood);
    worker.connection->send(protocol::Renew{{attempt}});
    wait_for<protocol::Renewed>(worker);
    const auto dealt_with = [&] {
        const auto values = windlass::test::read_exposition(figures()).samples;
        return values.at("windlass_samples_stored_total") + values.at("windlass_samples_dropped_total");
    };
    ASSERT_TRUE(loop_.run_until([&] { return dealt_with() == 40'000; }));
    const auto kept = static_cast<double>(control_->kept_samples().size());
    EXPECT_GE(kept, SampleDesk::points_at_once);
    EXPECT_LT(kept, SampleDesk::points_at_once + 20 * SampleDesk::points_per_s) << "20 s is as long as this may take";
}

TEST_F(ServiceTest, its_figures_are_what_prometheus_reads) {
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    wait_for<protocol::Lease>(worker);
    const std::string text = figures();
    const auto read = windlass::test::read_exposition(text);
    EXPECT_THAT(read.faults, testing::IsEmpty()) << text;
    EXPECT_EQ(windlass::test::complaints_of_promtool(text), "");
    EXPECT_EQ(read.samples.at("windlass_jobs{state=\"starting\"}"), 2);
    EXPECT_EQ(read.samples.at("windlass_queue_jobs{queue=\"default\",state=\"running\"}"), 2);
    EXPECT_EQ(read.samples.at("windlass_workers_cores"), 2);
    EXPECT_EQ(read.samples.at("windlass_jobs_submitted_total"), 2);
    EXPECT_EQ(read.samples.at("windlass_database_up"), 1);
    EXPECT_GE(read.samples.at("windlass_commit_duration_seconds_count"), 1);
}

}  // namespace
}  // namespace windlass::scheduler::service_test
