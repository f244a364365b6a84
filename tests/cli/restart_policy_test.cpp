#include "cli/restart_policy.h"

#include <gtest/gtest.h>

namespace windlass::cli {
namespace {

SteadyTime at(std::int64_t seconds) {
    return SteadyTime(Seconds(1000 + seconds));
}

TEST(RestartPolicy, the_first_restart_comes_quickly_and_the_pause_grows) {
    RestartPolicy policy;
    EXPECT_EQ(policy.after_death(at(0)), Milliseconds(100));
    EXPECT_EQ(policy.after_death(at(1)), Milliseconds(200));
    EXPECT_EQ(policy.after_death(at(2)), Milliseconds(400));
}

TEST(RestartPolicy, a_daemon_that_lived_a_minute_starts_anew) {
    RestartPolicy policy;
    policy.after_death(at(0));
    policy.after_death(at(1));
    EXPECT_EQ(policy.after_death(at(90)), Milliseconds(100));
}

TEST(RestartPolicy, the_eleventh_death_within_a_minute_is_the_last) {
    RestartPolicy policy;
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(policy.after_death(at(i)).has_value()) << i;
    EXPECT_EQ(policy.after_death(at(10)), std::nullopt);
}

TEST(RestartPolicy, the_pause_stays_within_five_seconds) {
    RestartPolicy policy;
    for (int i = 0; i < 10; ++i) EXPECT_LE(*policy.after_death(at(i)), Milliseconds(5000));
}

}  // namespace
}  // namespace windlass::cli
