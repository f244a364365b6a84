#include "worker/gpu_tool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/support/temporary_directory.h"

namespace windlass::worker {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

TEST(GpuAnswers, are_read_line_by_line_and_what_is_no_number_is_passed_over) {
    EXPECT_THAT(parse_utilization("GPU-1, 87\nGPU-2, [N/A]\nGPU-3, 0\r\nGPU-4, 101\n, 5\nGPU 5\n"),
                ElementsAre(Pair("GPU-1", 87.0), Pair("GPU-3", 0.0)));
    EXPECT_THAT(parse_gpu_processes("GPU-1, 4711, 1024\nGPU-1, x, 5\nGPU-1, 12\nGPU-2, 13, [N/A]\nGPU-2, 14, 0"),
                ElementsAre(GpuProcess{"GPU-1", 4711, 1'073'741'824}, GpuProcess{"GPU-2", 14, 0}));
    EXPECT_THAT(parse_gpu_processes(""), IsEmpty());
    EXPECT_THAT(parse_gpu_processes("GPU-1, 1, 9223372036854775807\n"), IsEmpty());
}

class GpuToolTest : public testing::Test {
  protected:
    GpuToolTest() { chmod(directory_.path().c_str(), 0755); }
    std::string tool(const std::string& script) {
        directory_.write("fake-smi", "#!/bin/sh\n" + script);
        chmod((directory_ / "fake-smi").c_str(), 0755);
        return directory_ / "fake-smi";
    }
    test::TemporaryDirectory directory_;
};

TEST_F(GpuToolTest, is_asked_both_questions_with_no_right_that_it_does_not_need) {
    setenv("WINDLASS_SECRET_OF_THIS_TEST", "x", 1);
    directory_.write("seen", "");
    chmod((directory_ / "seen").c_str(), 0666);
    const auto reading = ask_gpu_tool(tool(R"(
        env >> ")" + (directory_ / "seen") +
                                           R"("
        id -u >> ")" + (directory_ / "seen") +
                                           R"("
        grep NoNewPrivs /proc/self/status >> ")" +
                                           (directory_ / "seen") + R"("
        case "$*" in
            *compute-apps*) echo "GPU-1, 4711, 2" ;;
            *query-gpu*) echo "GPU-1, 42" ;;
        esac
    )"));
    ASSERT_TRUE(reading) << reading.error().message;
    EXPECT_THAT(reading->processes, ElementsAre(GpuProcess{"GPU-1", 4711, 2'097'152}));
    EXPECT_THAT(reading->utilization, ElementsAre(Pair("GPU-1", 42.0)));
    std::stringstream seen;
    seen << std::ifstream(directory_ / "seen").rdbuf();
    EXPECT_THAT(seen.str(), Not(HasSubstr("SECRET_OF_THIS_TEST")));
    EXPECT_THAT(seen.str(), HasSubstr("NoNewPrivs:\t1"));
    if (geteuid() == 0) {
        EXPECT_THAT(seen.str(), HasSubstr("\n65534\n"));
    }
}

TEST_F(GpuToolTest, of_no_use_is_an_error_and_so_is_a_flood) {
    EXPECT_THAT(ask_gpu_tool(tool("exit 9\n")).error().message, HasSubstr("failed"));
    EXPECT_FALSE(ask_gpu_tool(tool("exec yes\n")).ok());
    EXPECT_FALSE(ask_gpu_tool(directory_ / "not-there").ok());
}

TEST_F(GpuToolTest, is_found_by_its_path_and_in_the_search_path) {
    const auto path = tool("exit 0\n");
    EXPECT_EQ(find_tool(path), path);
    EXPECT_EQ(find_tool(directory_ / "no"), "");
    EXPECT_EQ(find_tool(""), "");
    EXPECT_EQ(find_tool("no-such-tool-anywhere"), "");
    const std::string before = std::getenv("PATH");
    setenv("PATH", (directory_.path() + ":" + before).c_str(), 1);
    EXPECT_EQ(find_tool("fake-smi"), path);
    setenv("PATH", before.c_str(), 1);
}

}  // namespace
}  // namespace windlass::worker
