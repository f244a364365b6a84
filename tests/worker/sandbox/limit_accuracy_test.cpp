// A limit is within 5 % of what was asked: what needs 95 % of it runs, what needs 105 % does not. Counts are exact.
// Times and output, which the worker keeps, are in agent_box_test.cpp.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>

#include "tests/worker/sandbox/test_box.h"

namespace windlass::worker::testing {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;

class Accuracy : public SharedBox {};

BoxSpec perl(const std::string& text, std::vector<std::string> arguments = {}) {
    std::vector<std::string> argv = {"/usr/bin/perl", "-e", text};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return program(std::move(argv));
}

// One buffer of so many bytes, every page of it touched.
BoxSpec allocating(std::int64_t bytes) {
    BoxSpec spec = perl("$x = ''; vec($x, $ARGV[0] - 1, 8) = 1; print 'fits'", {std::to_string(bytes)});
    spec.limits.memory_bytes = 256 * mebibyte;
    return spec;
}

TEST_F(Accuracy, memory) {
    // What the program needs beside its buffer is found out first; where each process is bounded it is next to nothing.
    std::int64_t base = 0;
    if (has(Protection::memory_limit)) {
        const Finished control = box->run(allocating(64 * mebibyte));
        ASSERT_EQ(control.out, "fits");
        base = control.usage.peak_memory_bytes - 64 * mebibyte;
        ASSERT_LT(base, 12 * mebibyte);
    }
    const std::int64_t limit = allocating(1).limits.memory_bytes;
    const Finished less = box->run(allocating(limit / 100 * 95 - base));
    EXPECT_EQ(less.out, "fits") << less.outcome.detail;
    EXPECT_GT(less.usage.peak_memory_bytes, limit / 100 * 92);
    const Finished more = box->run(allocating(limit / 100 * 105 - base));
    EXPECT_EQ(more.out, "");
    if (has(Protection::memory_limit)) {
        EXPECT_EQ(more.outcome.kind, OutcomeKind::out_of_memory);
        EXPECT_THAT(more.outcome.detail, HasSubstr("its limit of 256 MiB of memory, all its processes together"));
        EXPECT_THAT(more.outcome.detail, HasSubstr("cgroup v"));
    } else {
        EXPECT_EQ(more.outcome.kind, OutcomeKind::exited);
        EXPECT_NE(more.outcome.exit_code, 0);
        EXPECT_TRUE(more.usage.peak_memory_is_largest_process);
    }
}

TEST_F(Accuracy, memory_of_a_process_that_grew_to_its_bound_is_told) {
    if (has(Protection::memory_limit)) GTEST_SKIP() << "there is a memory controller";
    BoxSpec spec = perl("push @x, 'a' x (1 << 20) . $_ for 1..1000");
    spec.limits.memory_bytes = 64 * mebibyte;
    const Finished finished = box->run(spec);
    EXPECT_EQ(finished.outcome.kind, OutcomeKind::exited);
    EXPECT_THAT(finished.outcome.detail, HasSubstr("without a memory controller each one may have 64 MiB"));
}

TEST_F(Accuracy, disk_bytes_over_all_places_together) {
    const char* const fill =
        "my $n = $ARGV[0]; my $i = 0; my @f; open $f[$_], '>', ('fill', '/tmp/fill', '/dev/shm/fill')[$_] for 0..2;"
        "while ($n > 0) { syswrite($f[$i++ % 3], 'x' x 65536) == 65536 or die \"$!\"; $n -= 65536 } print 'fits'";
    const auto writing = [&](std::int64_t bytes) {
        BoxSpec spec = perl(fill, {std::to_string(bytes)});
        spec.limits.disk_bytes = 32 * mebibyte;
        return spec;
    };
    const Finished less = box->run(writing(32 * mebibyte / 100 * 95));
    EXPECT_EQ(less.out, "fits") << less.err;
    const Finished more = box->run(writing(32 * mebibyte / 100 * 105));
    EXPECT_EQ(more.outcome.kind, OutcomeKind::out_of_disk);
    EXPECT_EQ(more.outcome.detail, "its working directory is full: 32 MiB (limits.disk_bytes)");
}

TEST_F(Accuracy, disk_filled_by_one_file_is_told_to_the_program) {
    BoxSpec spec = perl("open $f, '>', 'big'; 1 while syswrite $f, 'x' x 65536; print $! + 0, ' ', -s 'big'; exit 2");
    spec.limits.disk_bytes = mebibyte;
    const Finished finished = box->run(spec);
    EXPECT_EQ(finished.out, fmt::format("{} {}", ENOSPC, mebibyte));
    EXPECT_EQ(finished.outcome.kind, OutcomeKind::out_of_disk);
}

TEST_F(Accuracy, inodes_are_exact_over_all_places_together) {
    BoxSpec spec = perl(
        "my $n = 0; for (;;) { my $d = ('.', '/tmp', '/dev/shm')[$n % 3];"
        "  ($n % 2 ? mkdir \"$d/$n\" : open(my $f, '>', \"$d/$n\")) or do { print $n; exit 3 }; $n++ }");
    spec.limits.inodes = 200;
    const Finished finished = box->run(spec);
    EXPECT_EQ(finished.out, "200");
    EXPECT_EQ(finished.outcome.kind, OutcomeKind::out_of_disk);
    EXPECT_EQ(finished.outcome.detail, "no more files fit into its working directory: 200 (limits.inodes)");
}

TEST_F(Accuracy, files_of_the_job_itself_count_as_inodes) {
    BoxSpec spec = perl("my $n = 0; $n++ while open(my $f, '>', \"f$n\"); print $n");
    spec.limits.inodes = 10;
    spec.files = {{"code", "c"}, {"data", "d"}};
    EXPECT_EQ(box->run(spec).out, "8");
}

TEST_F(Accuracy, file_size_is_exact_and_ends_the_writer) {
    const auto writing = [](std::int64_t bytes) {
        BoxSpec spec = perl("open $f, '>', 'big'; syswrite $f, 'x' x $ARGV[0]; syswrite $f, 'y'; print 'done'",
                            {std::to_string(bytes)});
        spec.limits.file_bytes = mebibyte;
        return spec;
    };
    EXPECT_EQ(box->run(writing(mebibyte - 1)).out, "done");
    const Finished more = box->run(writing(mebibyte));
    EXPECT_EQ(more.outcome.kind, OutcomeKind::signalled);
    EXPECT_EQ(more.outcome.signal, SIGXFSZ);
    EXPECT_EQ(more.outcome.detail, "a file grew beyond 1 MiB (limits.file_bytes), which ended the process that wrote");
}

TEST_F(Accuracy, file_size_reached_below_a_shell_is_told_as_well) {
    BoxSpec spec = script("perl -e 'open $f, q(>), q(big); syswrite $f, q(x) x 5000; syswrite $f, q(y)'");
    spec.limits.file_bytes = 5000;
    const Finished finished = box->run(spec);
    EXPECT_EQ(
        finished.outcome.kind == OutcomeKind::signalled ? 128 + finished.outcome.signal : finished.outcome.exit_code,
        128 + SIGXFSZ);
    EXPECT_THAT(finished.outcome.detail, HasSubstr("5000 bytes (limits.file_bytes)"));
}

constexpr const char* forking =
    "$n = 1; for (1..$ARGV[0]) { $p = fork; if (!defined $p) { print $n; exit 5 }"
    "  if (!$p) { sleep 1000; exit } $n++ } print $n";

TEST_F(Accuracy, processes_are_exact_and_refusals_are_told) {
    if (!has(Protection::process_limit)) GTEST_SKIP() << "no pids controller here: all boxes of the user are counted";
    BoxSpec spec = perl(forking, {"19"});
    spec.limits.processes = 20;
    const Finished all = box->run(spec);
    EXPECT_EQ(all.out, "20");
    EXPECT_EQ(all.outcome, (Outcome{OutcomeKind::exited, 0, 0, ""}));
    spec.argv.back() = "20";
    const Finished more = box->run(spec);
    EXPECT_EQ(more.out, "20");
    EXPECT_EQ(more.outcome,
              (Outcome{OutcomeKind::exited, 5, 0, "reached its limit of 20 processes 1 time (limits.processes)"}));
}

TEST_F(Accuracy, peak_of_processes_is_exact_and_not_that_of_the_job_before) {
    if (!has(Protection::process_limit)) GTEST_SKIP() << "no pids controller here";
    const Finished many = box->run(perl(forking, {"29"}));
    if (many.usage.peak_processes == 0) GTEST_SKIP() << "this kernel has no pids.peak";
    EXPECT_EQ(many.usage.peak_processes, 30);
    EXPECT_EQ(box->run(perl(forking, {"11"})).usage.peak_processes, 12);
    EXPECT_THAT(box->run(perl(forking, {"0"})).usage.peak_processes, AllOf(Ge(1), Le(4)));
}

TEST_F(Accuracy, open_files_are_exact) {
    BoxSpec spec = perl("while (open(my $f, '<', '/dev/null')) { push @f, $f } print 3 + @f");
    spec.limits.open_files = 64;
    EXPECT_EQ(box->run(spec).out, "64");
}

TEST_F(Accuracy, processor_time_of_children_that_nobody_waits_for_is_counted) {
    const char* const ignoring =
        "$SIG{CHLD} = 'IGNORE'; if (!fork) { do { $i++ for 1..10000 } while (times)[0] < 0.2; exit } 1 while wait != "
        "-1";
    const BoxId id = box->start(perl("print 'x'; $| = 1; print 'ready'; sleep 1000"));
    box->wait_for_output(id, "ready");
    const bool by_cgroup = box->sandbox().cpu_used(id).value_or(Microseconds{}).count() % 10'000 != 0;
    box->sandbox().stop(id, Milliseconds{0});
    box->finish(id);
    if (!by_cgroup) GTEST_SKIP() << "no cgroup counts processor time here";
    const Finished finished = box->run(perl(ignoring));
    // Next to nothing would be told if it were forgotten; a program sees its own time in ticks.
    EXPECT_GE(finished.usage.cpu_user + finished.usage.cpu_system, Milliseconds{150});
}

TEST_F(Accuracy, processor_time_so_far_is_known_while_a_box_runs) {
    const BoxId id = box->start(
        perl("$| = 1; if (!fork) { do { $i++ for 1..10000 } while (times)[0] < 0.3; exit } wait; print 'ready';"
             "do { $i++ for 1..10000 } while (times)[0] < 0.2; print 'both'; sleep 1000"));
    box->wait_for_output(id, "both");
    const auto used = box->sandbox().cpu_used(id);
    ASSERT_TRUE(used.has_value());
    EXPECT_GE(*used, Milliseconds{460}) << "of the ended child too; a tick of 10 ms may be missing for each of them";
    box->sandbox().stop(id, Milliseconds{0});
    const Finished finished = box->finish(id);
    EXPECT_GE(finished.usage.cpu_user + finished.usage.cpu_system, *used - Milliseconds{40});
    EXPECT_FALSE(box->sandbox().cpu_used(id).has_value());
}

TEST_F(Accuracy, processor_time_of_one_process_is_bounded_even_if_the_worker_stands_still) {
    BoxSpec spec = perl("1 while 1");
    spec.limits.cpu_time = Milliseconds{300};
    const Finished finished = box->run(spec);  // nobody asks for cpu_used() here
    EXPECT_EQ(finished.outcome.kind, OutcomeKind::out_of_time);
    EXPECT_THAT(finished.outcome.detail, HasSubstr("of processor time, its limit is 0.3 s (limits.cpu_s)"));
}

}  // namespace
}  // namespace windlass::worker::testing
