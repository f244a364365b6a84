#include "worker/slurm/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/support/temporary_directory.h"

namespace windlass::worker::slurm {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

const AttemptRef attempt{JobId{100'000'042}, 3};

Site site() {
    Site site;
    site.directory = "/shared";
    site.identity = "0123456789ab";
    site.user = "nobody";
    site.uid = 65534;
    return site;
}

QueuedJob queued(const std::string& state, int wait_status = 0) {
    QueuedJob job;
    job.id = 17;
    job.ref = attempt;
    job.state = state;
    job.wait_status = wait_status;
    job.started = WallTime{Seconds{100}};
    return job;
}

TEST(SlurmWords, a_job_is_found_again_by_its_name_and_only_by_this_worker) {
    EXPECT_EQ(ref_named(site(), job_name(site(), attempt)), attempt);
    Site other = site();
    other.identity = "ba9876543210";
    EXPECT_FALSE(ref_named(other, job_name(site(), attempt)));
    for (const char* name : {"", "wl-0123456789ab-", "wl-0123456789ab-7", "wl-0123456789ab-7.x", "wl-0123456789ab-.1",
                             "wl-0123456789ab--7.1", "wl-0123456789ab-7.1.2"})
        EXPECT_FALSE(ref_named(site(), name)) << name;
}

TEST(SlurmWords, limits_are_rounded_up_to_what_slurm_counts_in) {
    JobSpec spec;
    spec.limits.cpu_millis = 1001;
    spec.limits.memory_bytes = 300 * mebibyte + 1;
    spec.timeout = Milliseconds{60'001};
    spec.resources = {{"gpu:a100", 2}, {"fpga", 1}};
    const auto words = sbatch_words(site(), attempt, spec);
    EXPECT_THAT(words, Contains("--cpus-per-task=2"));
    EXPECT_THAT(words, Contains("--mem=301M"));
    EXPECT_THAT(words, Contains("--time=3")) << "a minute more than it may run: the worker is exact";
    EXPECT_THAT(words, Contains("--gres=fpga:1,gpu:a100:2"));
}

TEST(SlurmWords, nothing_that_a_job_says_is_a_word_of_sbatch_or_a_line_of_its_script) {
    JobSpec spec;
    spec.name = "--uid=0";
    spec.running_commands = "#SBATCH --array=1-9";
    spec.env = {{"SBATCH_PARTITION", "nowhere"}};
    std::string all = script_text(places(site(), attempt));
    for (const auto& word : sbatch_words(site(), attempt, spec)) all += word + "\n";
    for (const char* hostile : {"--uid", "#SBATCH", "nowhere"}) EXPECT_THAT(all, Not(HasSubstr(hostile)));
}

TEST(SlurmWords, options_of_the_site_stand_before_what_must_hold) {
    Site with = site();
    with.options = {"--partition=batch", "--mem=1M"};
    const auto words = sbatch_words(with, attempt, {});
    EXPECT_LT(std::ranges::find(words, "--mem=1M"), std::ranges::find(words, "--mem=512M"));
    EXPECT_EQ(words.back(), "/shared/0123456789ab/100000042.3/script");
}

// What a shell makes of it, not what we think it does.
TEST(SlurmWords, the_start_file_gives_a_shell_exactly_the_environment_and_the_command) {
    const windlass::test::TemporaryDirectory scratch;
    BoxSpec box;
    const std::string awkward = "it's \"$(id)\" `id` \\n\n#SBATCH -x *";
    box.env = {{"AWKWARD", awkward}, {"HOME", "/elsewhere"}};
    box.argv = {"/bin/sh", "-c", "printf '%s|%s' \"$AWKWARD\" \"$HOME\"; ulimit -n"};
    box.limits.open_files = 77;
    scratch.write("start", start_text(places(site(), attempt), box));
    FILE* shell = popen(("/bin/sh " + slurm::quoted(scratch / "start")).c_str(), "r");
    ASSERT_NE(shell, nullptr);
    char said[4096] = {};
    const auto size = fread(said, 1, sizeof said, shell);
    EXPECT_EQ(pclose(shell), 0);
    EXPECT_EQ(std::string(said, size), awkward + "|/elsewhere77\n");
}

TEST(SlurmWords, the_answer_of_sbatch_is_its_last_line) {
    EXPECT_EQ(parse_submitted("17\n").value(), 17);
    EXPECT_EQ(parse_submitted("Welcome to the cluster!\n18;alpha\n").value(), 18);
    for (const char* said : {"", "\n", "Submitted batch job 17", "0", "-3", "1x"})
        EXPECT_FALSE(parse_submitted(said)) << said;
}

TEST(SlurmWords, a_refusal_is_told_from_an_answer_that_did_not_come) {
    EXPECT_TRUE(
        may_have_been_submitted("sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"));
    EXPECT_TRUE(
        may_have_been_submitted("sbatch: error: Batch job submission failed: Unable to contact slurm controller "
                                "(connect failure)"));
    EXPECT_FALSE(
        may_have_been_submitted("sbatch: error: Batch job submission failed: Invalid partition name specified"));
    EXPECT_FALSE(may_have_been_submitted(""));
}

TEST(SlurmWords, the_queue_is_read_and_what_is_not_ours_is_passed_over) {
    const auto jobs = parse_queue(site(),
                                  "3|wl-0123456789ab-100000042.3|FAILED|768|1795358750|1795358752|NonZeroExitCode|\n"
                                  "4|wl-0123456789ab-7.1|PENDING|0|N/A|N/A|Resources|\n"
                                  "5|wl-ba9876543210-7.1|RUNNING|0|1795358750|NONE|None|\n"
                                  "6|a|b|c\n");
    ASSERT_TRUE(jobs) << jobs.error().message;
    ASSERT_EQ(jobs->size(), 2u);
    EXPECT_EQ((*jobs)[0].ref, attempt);
    EXPECT_EQ((*jobs)[0].started, WallTime{Seconds{1'795'358'750}});
    EXPECT_EQ((*jobs)[0].outcome({}), (Outcome{OutcomeKind::exited, 3, 0, {}}));
    EXPECT_EQ((*jobs)[1].phase(), QueuedJob::Phase::waiting);
    EXPECT_FALSE((*jobs)[1].started);
    EXPECT_FALSE(parse_queue(site(), "x|wl-0123456789ab-7.1|RUNNING|0|1|2|None|\n"));
    EXPECT_FALSE(parse_queue(site(), "4|wl-0123456789ab-7.1|RUNNING\n"));
}

TEST(SlurmWords, a_job_that_is_completing_is_not_over) {
    EXPECT_EQ(queued("COMPLETING").phase(), QueuedJob::Phase::running);
    EXPECT_EQ(queued("SUSPENDED").phase(), QueuedJob::Phase::running);
    EXPECT_EQ(queued("CONFIGURING").phase(), QueuedJob::Phase::waiting);
    EXPECT_EQ(queued("NODE_FAIL").phase(), QueuedJob::Phase::over);
}

TEST(SlurmWords, states_of_slurm_are_outcomes_of_ours) {
    const auto outcome = [](const std::string& state, int status = 0) { return queued(state, status).outcome({}); };
    EXPECT_EQ(outcome("COMPLETED"), (Outcome{OutcomeKind::exited, 0, 0, {}}));
    EXPECT_EQ(outcome("FAILED", 9), (Outcome{OutcomeKind::signalled, 0, 9, {}}));
    EXPECT_EQ(outcome("OUT_OF_MEMORY").kind, OutcomeKind::out_of_memory);
    EXPECT_EQ(outcome("TIMEOUT").kind, OutcomeKind::out_of_time);
    EXPECT_EQ(outcome("CANCELLED").kind, OutcomeKind::cancelled);
    EXPECT_EQ(outcome("NODE_FAIL").kind, OutcomeKind::worker_lost);
    EXPECT_EQ(outcome("PREEMPTED").kind, OutcomeKind::worker_lost);
    EXPECT_EQ(outcome("A_STATE_OF_TOMORROW").kind, OutcomeKind::worker_lost);
}

}  // namespace
}  // namespace windlass::worker::slurm
