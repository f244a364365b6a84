// Each limit of a box, reached on purpose.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <csignal>

#include "tests/worker/sandbox/test_box.h"

namespace windlass::worker::testing {
namespace {

using ::testing::HasSubstr;

class Limit : public SharedBox {};

TEST_F(Limit, memory_bomb_ends_out_of_memory) {
    if (!has(Protection::memory_limit)) GTEST_SKIP() << "no memory controller here";
    BoxSpec spec = program({"/usr/bin/perl", "-e", "my @x; push @x, 'a' x (1 << 20) while 1"});
    spec.limits.memory_bytes = 48 * mebibyte;
    const Finished finished = box->run(spec);
    EXPECT_EQ(finished.outcome.kind, OutcomeKind::out_of_memory);
    EXPECT_LE(finished.usage.peak_memory_bytes, 48 * mebibyte);
    EXPECT_EQ(box->run(script("echo next")).out, "next\n") << "the slot is usable again";
}

TEST_F(Limit, memory_bomb_in_a_child_ends_out_of_memory_too) {
    if (!has(Protection::memory_limit)) GTEST_SKIP() << "no memory controller here";
    BoxSpec spec = script("perl -e '$x = \"a\" x (200 << 20)'; exit 0");
    spec.limits.memory_bytes = 48 * mebibyte;
    EXPECT_EQ(box->run(spec).outcome.kind, OutcomeKind::out_of_memory);
}

TEST_F(Limit, without_a_memory_controller_the_memory_of_a_process_is_bounded) {
    if (has(Protection::memory_limit)) GTEST_SKIP() << "there is a memory controller";
    BoxSpec spec = program({"/usr/bin/perl", "-e", "$x = 'a' x (200 << 20); print 'got it'"});
    spec.limits.memory_bytes = 48 * mebibyte;
    const Finished finished = box->run(spec);
    EXPECT_EQ(finished.out, "");
    EXPECT_TRUE(finished.usage.peak_memory_is_largest_process);
}

TEST_F(Limit, full_disk_ends_out_of_disk_and_the_host_is_untouched) {
    BoxSpec spec =
        script("dd if=/dev/zero of=/tmp/windlass-fill bs=64k count=48 2>/dev/null; dd if=/dev/zero of=big bs=64k");
    spec.limits.disk_bytes = 8 * mebibyte;
    const Finished finished = box->run(spec);
    EXPECT_EQ(finished.outcome.kind, OutcomeKind::out_of_disk) << finished.outcome.detail;
    EXPECT_THAT(finished.err, HasSubstr("No space left on device"));
    EXPECT_NE(access("/tmp/windlass-fill", F_OK), 0) << "the /tmp of the host is another";
    struct statfs space {};
    ASSERT_EQ(fstatfs(finished.work_directory.get(), &space), 0);
    EXPECT_LE(space.f_blocks * static_cast<std::uint64_t>(space.f_bsize), 8U * mebibyte)
        << "both directories share one limit";
}

TEST_F(Limit, files_that_do_not_fit_are_out_of_disk) {
    BoxSpec spec = script("true");
    spec.limits.disk_bytes = mebibyte;
    spec.files["big"] = std::string(2 << 20, 'x');
    const Finished finished = box->run(spec);
    EXPECT_FALSE(finished.started);
    EXPECT_EQ(finished.outcome.kind, OutcomeKind::out_of_disk);
    EXPECT_THAT(finished.outcome.detail, HasSubstr("write the file big"));
}

TEST_F(Limit, inodes_run_out) {
    BoxSpec spec = program({"/usr/bin/perl", "-e",
                            "for (1..100000) { open(my $f, '>', \"f$_\") or do { print $_; exit 1 } } print 'all'"});
    spec.limits.disk_bytes = mebibyte;
    const Finished finished = box->run(spec);
    EXPECT_EQ(finished.outcome.kind, OutcomeKind::out_of_disk);
    EXPECT_LT(std::stoi(finished.out), 2000);
}

TEST_F(Limit, fork_bomb_stays_within_the_process_limit) {
    BoxSpec spec = program(
        {"/usr/bin/perl", "-e",
         "$n = 1; for (1..500) { $p = fork; last unless defined $p; if (!$p) { sleep 1000; exit } $n++ } print $n"});
    spec.limits.processes = 20;
    const Finished finished = box->run(spec);
    if (has(Protection::process_limit)) {
        EXPECT_EQ(finished.out, "20");
    } else {
        EXPECT_LE(std::stoi(finished.out), 20) << "counted by user: the box's own processes and the spawner's";
    }
    EXPECT_EQ(finished.outcome, (Outcome{OutcomeKind::exited, 0, 0, ""}));
}

TEST_F(Limit, open_files_are_bounded) {
    BoxSpec spec =
        program({"/usr/bin/perl", "-e", "while (open(my $f, '<', '/dev/null')) { push @f, $f } print scalar(@f)"});
    spec.limits.open_files = 64;
    EXPECT_LE(std::stoi(box->run(spec).out), 61);
}

TEST_F(Limit, processor_time_is_shared_out) {
    if (!has(Protection::cpu_limit)) GTEST_SKIP() << "no cpu controller here";
    BoxSpec spec = program({"/usr/bin/perl", "-e", "do { $i++ for 1..100000 } while (times)[0] < 0.3"});
    spec.limits.cpu_millis = 200;
    const Finished finished = box->run(spec);
    EXPECT_GT(finished.usage.wall, Milliseconds(1000)) << "0.3 s of work at a fifth of a core";
}

TEST_F(Limit, core_is_never_written) {
    const Finished finished = box->run(script("ulimit -c unlimited 2>/dev/null; perl -e 'kill 6, $$'; ls"));
    EXPECT_EQ(finished.out, "out\n");
}

TEST_F(Limit, limits_change_from_job_to_job) {
    if (!has(Protection::process_limit)) GTEST_SKIP() << "no pids controller here";
    for (const int processes : {5, 9, 3}) {
        BoxSpec spec = program(
            {"/usr/bin/perl", "-e",
             "$n = 1; for (1..50) { $p = fork; last unless defined $p; if (!$p) { sleep 1000; exit } $n++ } print $n"});
        spec.limits.processes = processes;
        spec.limits.memory_bytes = (30 + processes) * mebibyte;
        EXPECT_EQ(box->run(spec).out, std::to_string(processes));
    }
}

}  // namespace
}  // namespace windlass::worker::testing
