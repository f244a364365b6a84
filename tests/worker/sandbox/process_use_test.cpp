#include "worker/sandbox/process_use.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/temporary_directory.h"

namespace windlass::worker {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

class ProcessUseTest : public testing::Test {
  protected:
    // user 10 ticks, system 20, of reaped children 1 and 2.
    void process(int pid, int parent, int threads, int pages, const std::string& name = "sh") {
        const std::string directory = std::to_string(pid);
        proc_.make_directory(directory);
        proc_.write(directory + "/stat", directory + " (" + name + ") S " + std::to_string(parent) +
                                             " 1 1 0 -1 4194304 5 6 7 8 10 20 1 2 20 0 " + std::to_string(threads) +
                                             " 0 4711 1000000 " + std::to_string(pages) + " 1844 1 1\n");
    }
    void io(int pid, int read, int written) {
        proc_.write(std::to_string(pid) + "/io",
                    "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: " + std::to_string(read) +
                        "\nwrite_bytes: " + std::to_string(written) + "\n");
    }
    test::TemporaryDirectory proc_;
    const std::int64_t page_ = sysconf(_SC_PAGESIZE);
    const std::int64_t tick_us_ = 1'000'000 / sysconf(_SC_CLK_TCK);
};

TEST_F(ProcessUseTest, is_summed_over_the_tree_and_the_keeper_is_no_process_of_the_job) {
    process(10, 1, 1, 500);
    process(11, 10, 3, 100, "a) R 1 (b");
    process(12, 11, 1, 200);
    process(77, 1, 9, 9'999);
    io(10, 5, 6);
    io(11, 100, 200);
    const auto tree = process_tree(proc_.path(), 10);
    EXPECT_THAT(tree, UnorderedElementsAre(10, 11, 12));
    EXPECT_EQ(tree.front(), 10);
    const auto use = use_of(proc_.path(), tree, 10);
    EXPECT_EQ(use.cpu, Microseconds{3 * 33 * tick_us_});
    EXPECT_EQ(use.processes, 4);
    EXPECT_EQ(use.memory_bytes, 300 * page_);
    EXPECT_EQ(use.read_bytes, 105);
    EXPECT_EQ(use.written_bytes, 206);
}

TEST_F(ProcessUseTest, of_those_that_have_ended_is_nothing_and_io_that_may_not_be_read_is_none) {
    process(11, 1, 1, 100);
    const auto use = use_of(proc_.path(), {10, 11, 12}, 10);
    EXPECT_EQ(use.processes, 1);
    EXPECT_FALSE(use.read_bytes.has_value());
    EXPECT_TRUE(process_tree(proc_.path(), 10).empty());
}

TEST_F(ProcessUseTest, the_members_of_a_group_are_whole_numbers_only) {
    proc_.write("cgroup.procs", "12\n13\n4");  // as if a long list had been cut
    EXPECT_THAT(members_of_group(proc_.path()), ElementsAre(12, 13));
    EXPECT_TRUE(members_of_group(proc_ / "none").empty());
}

TEST(ProcessUse, of_this_process_is_what_it_uses) {
    const auto use = use_of("/proc", {getpid()}, 0);
    EXPECT_GT(use.memory_bytes, 1'000'000);
    EXPECT_GE(use.processes, 1);
}

}  // namespace
}  // namespace windlass::worker
