#include "cli/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace windlass::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ProgressLine, says_how_much_of_it_is_done_how_fast_and_when_it_will_be_over) {
    const std::string line = progress_line({"uploading set.bin", 5 << 20, 10 << 20, true, Milliseconds{5000}}, 120);
    EXPECT_EQ(line,
              "uploading set.bin  [###############---------------]   50 %  5.0 MiB of 10.0 MiB  1.0 MiB/s  5 s left");
}

TEST(ProgressLine, jobs_are_counted_as_they_are) {
    const std::string line = progress_line({"waiting", 3, 4, false, Milliseconds{1000}}, 120);
    EXPECT_THAT(line, HasSubstr("75 %  3 of 4  3.0/s  333 ms left"));
}

TEST(ProgressLine, is_never_longer_than_the_terminal_is_wide) {
    for (int columns = 0; columns < 120; ++columns) {
        const ProgressState state{"uploading a file with a rather long name", 70, 100, true, Milliseconds{5000}};
        EXPECT_LE(static_cast<int>(progress_line(state, columns).size()), std::max(columns - 1, 0));
    }
}

TEST(ProgressLine, an_unknown_total_and_the_first_moment_promise_nothing) {
    EXPECT_EQ(progress_line({"reading", 7, 0, false, Milliseconds{0}}, 80), "reading    7");
    EXPECT_THAT(progress_line({"reading", 0, 10, false, Milliseconds{1000}}, 80), Not(HasSubstr("left")));
    EXPECT_THAT(progress_line({"done", 20, 10, false, Milliseconds{1000}}, 80), HasSubstr("100 %"));
}

}  // namespace
}  // namespace windlass::cli
