#include "worker/sandbox/limit_words.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "worker/sandbox/process_times.h"

namespace windlass::worker {
namespace {

TEST(LimitWords, sizes_are_told_in_the_largest_unit_that_fits_evenly) {
    EXPECT_EQ(size_in_words(48 * mebibyte), "48 MiB");
    EXPECT_EQ(size_in_words(2 * gibibyte), "2 GiB");
    EXPECT_EQ(size_in_words(mebibyte + kibibyte), "1025 KiB");
    EXPECT_EQ(size_in_words(1500), "1500 bytes");
    EXPECT_EQ(size_in_words(0), "0 bytes");
    EXPECT_EQ(seconds_in_words(Milliseconds{250}), "0.25 s");
    EXPECT_EQ(seconds_in_words(Seconds{7200}), "7200 s");
}

TEST(LimitWords, a_job_that_reached_nothing_is_told_nothing) {
    EXPECT_EQ(limits_reached(Limits{}, LimitFacts{}), "");
}

TEST(LimitWords, every_limit_that_was_reached_is_named) {
    Limits limits;
    limits.processes = 64;
    limits.disk_bytes = 8 * mebibyte;
    LimitFacts facts;
    facts.bytes_full = facts.files_full = true;
    facts.process_refusals = 12;
    facts.signal = SIGXFSZ;
    EXPECT_EQ(limits_reached(limits, facts),
              "its working directory is full: 8 MiB (limits.disk_bytes); "
              "no more files fit into its working directory: 2048 (limits.inodes); "
              "a file grew beyond 8 MiB (limits.disk_bytes), which ended the process that wrote; "
              "reached its limit of 64 processes 12 times (limits.processes)");
}

TEST(LimitWords, memory_says_who_keeps_the_limit) {
    Limits limits;
    limits.memory_bytes = 64 * mebibyte;
    EXPECT_EQ(memory_reached(limits, MemoryKeeper::cgroup_v1),
              "reached its limit of 64 MiB of memory, all its processes together (kept by cgroup v1)");
    LimitFacts facts;
    facts.largest_process_bytes = 60 * mebibyte;
    EXPECT_EQ(limits_reached(limits, facts), "") << "with a controller the size of one process tells nothing";
    facts.memory_keeper = MemoryKeeper::each_process;
    EXPECT_EQ(limits_reached(limits, facts),
              "a process of it grew to 60 MiB; without a memory controller each one may have 64 MiB");
    facts.largest_process_bytes = 50 * mebibyte;
    EXPECT_EQ(limits_reached(limits, facts), "");
}

TEST(LimitWords, waiting_is_told_when_it_was_a_good_part_of_the_time) {
    EXPECT_EQ(what_it_waited_for(Seconds{10}, Seconds{4}, Seconds{1}),
              "it waited 4 s for a processor; it stood still 1 s for lack of memory");
    EXPECT_EQ(what_it_waited_for(Seconds{10}, Milliseconds{900}, Microseconds{0}), "");
}

TEST(ProcessTimes, of_this_process_grow_with_its_work) {
    const auto before = cpu_time_of_tree(getpid());
    ASSERT_TRUE(before.has_value());
    while (clock() < 5 * CLOCKS_PER_SEC / 100) {
    }
    EXPECT_GE(*cpu_time_of_tree(getpid()), Milliseconds{40});
    EXPECT_FALSE(cpu_time_of_tree(0).has_value());
}

}  // namespace
}  // namespace windlass::worker
