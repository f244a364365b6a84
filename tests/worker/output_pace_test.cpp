#include "worker/output_pace.h"

#include <gtest/gtest.h>

namespace windlass::worker {
namespace {

SteadyTime at(int ms) {
    return SteadyTime{Milliseconds{ms}};
}

TEST(OutputPace, the_first_bytes_go_at_once) {
    EXPECT_EQ(OutputPace().due(at(0)), at(0));
    EXPECT_EQ(OutputPace().due(at(123'456)), at(123'456));
}

TEST(OutputPace, two_sends_are_at_least_2_ms_apart) {
    OutputPace pace;
    pace.sent(at(10));
    EXPECT_EQ(pace.due(at(10)), at(12));
    EXPECT_EQ(pace.due(at(500)), at(500));
}

TEST(OutputPace, who_prints_every_100_ms_is_never_kept_waiting) {
    OutputPace pace;
    for (int ms = 0; ms < 60'000; ms += 100) {
        ASSERT_EQ(pace.due(at(ms)), at(ms));
        pace.sent(at(ms));
    }
}

TEST(OutputPace, who_prints_on_and_on_is_sent_ten_times_quickly_and_then_every_100_ms) {
    OutputPace pace;
    SteadyTime now = at(0);
    for (int i = 0; i < 10; ++i) {
        now = pace.due(now);
        pace.sent(now);
    }
    EXPECT_EQ(now, at(18));
    for (int i = 1; i < 5; ++i) {
        now = pace.due(now);
        EXPECT_EQ(now, at(i * 100));
        pace.sent(now);
    }
    EXPECT_EQ(pace.due(at(3'000)), at(3'000)) << "after a rest at once again";
}

}  // namespace
}  // namespace windlass::worker
