// What the runner has measured and said of the attempts that it runs: a fake sandbox, a fake connection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <map>

#include "tests/worker/runner_fixture.h"
#include "worker/runner.h"

namespace windlass::worker {
namespace {

using testing::at;
using testing::job;
using testing::only;

class SamplingTest : public testing::RunnerFixture {
  protected:
    SamplingTest() : RunnerFixture({at(0), from_unix_us(1'700'000'000'000'000)}) {
        settings_.sampling.interval = Seconds{30};
    }
    void run(int number) {
        protocol::Lease lease;
        lease.attempt = job(number);
        lease.spec.running_commands = "run";
        lease.spec.limits.cpu_millis = 100;
        ASSERT_TRUE(runner().lease(lease, "", at(0)));
        sandbox_.say_use(static_cast<BoxId>(number), {Microseconds{0}, 1'000, 1, 0, 0});
        sandbox_.say_started(static_cast<BoxId>(number), at(0));
        runner().on_sandbox_readable(at(0));
    }
    void end(int number, int directory = -1) {
        sandbox_.say_ended(static_cast<BoxId>(number), {}, directory);
        runner().on_sandbox_readable(at(500));
    }
    // Of one attempt, by measurement (and GPU), the last one.
    std::map<std::string, double> said(int number) const {
        std::map<std::string, double> values;
        for (const auto& sampled : only<protocol::AttemptSampled>(connection_.sent))
            if (sampled.attempt == job(number))
                for (const auto& sample : sampled.samples) values[sample.measurement + sample.type_id] = sample.value;
        return values;
    }
    std::size_t messages() const { return only<protocol::AttemptSampled>(connection_.sent).size(); }
};

TEST_F(SamplingTest, a_running_attempt_is_looked_at_when_its_moment_comes) {
    connect();
    run(1);
    EXPECT_EQ(messages(), 0u) << "the first look is said with the second";
    EXPECT_EQ(runner().next(), at(1'000));
    sandbox_.say_use(1, {Milliseconds{500}, 2'000, 3, 4'096, 0});
    runner().on_time(at(1'000));
    EXPECT_EQ(messages(), 1u);
    EXPECT_DOUBLE_EQ(said(1).at("cpu_used"), 0.5);
    EXPECT_EQ(said(1).at("mem_used"), 2'000);
    EXPECT_EQ(runner().next(), at(30'000));
    runner().on_time(at(29'000));
    EXPECT_EQ(messages(), 1u);
    runner().on_time(at(30'000));
    EXPECT_EQ(messages(), 2u);
}

TEST_F(SamplingTest, the_last_sample_and_the_programs_own_numbers_come_before_the_result) {
    connect();
    run(1);
    scratch_.make_directory("work");
    scratch_.write("work/metrics", "loss value=0.5");
    end(1, open((scratch_ / "work").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    EXPECT_EQ(messages(), 1u);
    EXPECT_EQ(said(1).at("user.loss"), 0.5);
    EXPECT_TRUE(said(1).contains("cpu_used"));
    ASSERT_EQ(finished_.size(), 1u);
    runner().on_time(at(60'000));
    EXPECT_EQ(messages(), 1u) << "it is over";
}

TEST_F(SamplingTest, the_file_of_a_running_attempt_is_read_in_its_directory) {
    connect();
    scratch_.make_directory("work");
    sandbox_.say_work_directory(1, scratch_ / "work");
    run(1);
    scratch_.write("work/metrics", "step value=1\n");
    runner().on_time(at(1'000));
    EXPECT_EQ(said(1).at("user.step"), 1);
}

TEST_F(SamplingTest, what_could_not_be_said_is_said_when_the_scheduler_is_back) {
    run(1);
    runner().on_time(at(1'000));
    connect();
    runner().on_time(at(30'000));
    ASSERT_EQ(messages(), 1u);
    EXPECT_EQ(only<protocol::AttemptSampled>(connection_.sent)[0].samples.size(), 15u);
}

TEST_F(SamplingTest, of_an_attempt_that_was_revoked_nothing_is_said) {
    connect();
    run(1);
    runner().revoke(job(1));
    end(1);
    runner().on_time(at(60'000));
    EXPECT_EQ(messages(), 0u);
}

TEST_F(SamplingTest, of_very_many_short_attempts_at_once_some_are_measured) {
    settings_.boxes = 100;
    settings_.cpu_millis = 100'000;
    settings_.memory_bytes = 1'000 * gibibyte;
    settings_.sampling.starts_at_once = 5;
    connect();
    for (int i = 1; i <= 20; ++i) run(i);
    for (int i = 1; i <= 20; ++i) end(i);
    EXPECT_EQ(messages(), 5u);
}

TEST_F(SamplingTest, gpus_are_those_on_which_its_processes_compute) {
    chmod(scratch_.path().c_str(), 0755);
    scratch_.write(
        "fake-smi",
        "#!/bin/sh\ncase \"$*\" in *compute-apps*) printf 'GPU-a, 100, 1\\nGPU-a, 101, 2\\nGPU-b, 7, 9\\n' ;; "
        "*) printf 'GPU-a, 60\\nGPU-b, 99\\n' ;; esac\n");
    chmod((scratch_ / "fake-smi").c_str(), 0755);
    settings_.sampling.gpu_tool = scratch_ / "fake-smi";
    connect();
    sandbox_.say_processes(1, {99, 100, 101});
    run(1);
    run(2);
    runner().on_time(at(1'000));
    EXPECT_EQ(said(1).at("acc_mem_usedGPU-a"), 3.0 * mebibyte);
    EXPECT_EQ(said(1).at("acc_utilizationGPU-a"), 60);
    EXPECT_FALSE(said(1).contains("acc_mem_usedGPU-b")) << "somebody else's";
    EXPECT_FALSE(said(2).contains("acc_utilizationGPU-a"));
}

TEST_F(SamplingTest, a_tool_that_fails_again_and_again_is_not_asked_any_more) {
    settings_.sampling.gpu_tool = "/bin/false";
    connect();
    run(1);
    for (int ms = 1'000; ms <= 300'000; ms += 30'000) runner().on_time(at(ms));
    // Only the looks at the attempt are left to wait for.
    EXPECT_EQ(runner().next(), at(300'000));
}

TEST_F(SamplingTest, the_figures_count_it) {
    connect();
    run(1);
    runner().on_time(at(1'000));
    end(1);
    figures::Families families;
    runner().add_figures(families);
    const std::string text = figures::text(families);
    EXPECT_THAT(text, ::testing::HasSubstr("windlass_worker_looks_total 2\n"));
    EXPECT_THAT(text, ::testing::HasSubstr("windlass_worker_attempts_finished_total{outcome=\"exited\"} 1\n"));
    EXPECT_THAT(text, ::testing::HasSubstr("windlass_worker_attempts{phase=\"running\"} 0\n"));
}

}  // namespace
}  // namespace windlass::worker
