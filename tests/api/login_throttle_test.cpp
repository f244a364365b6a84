#include "api/login_throttle.h"

#include <gtest/gtest.h>

#include <string>

namespace windlass::api {
namespace {

SteadyTime at(std::int64_t seconds) {
    return SteadyTime{Seconds{1'000'000 + seconds}};
}

TEST(LoginThrottle, ten_failures_are_free_then_the_wait_doubles_to_a_quarter_of_an_hour) {
    LoginThrottle throttle;
    SteadyTime now = at(0);
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(throttle.admit("ada", "192.0.2.1", now)) << i;
    Seconds expected{1};
    for (int i = 0; i < 12; ++i) {
        const auto wait = throttle.admit("ada", "192.0.2.1", now);
        ASSERT_TRUE(wait) << i;
        EXPECT_EQ(*wait, expected) << i;
        now += *wait;
        EXPECT_FALSE(throttle.admit("ada", "192.0.2.1", now)) << "the wait is over";
        expected = std::min(expected * 2, Seconds{900});
    }
}

TEST(LoginThrottle, asking_while_blocked_does_not_make_it_worse) {
    LoginThrottle throttle;
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(throttle.admit("ada", "a", at(0)));
    for (int i = 0; i < 100; ++i) EXPECT_EQ(throttle.admit("ada", "a", at(0)), Seconds{1});
}

TEST(LoginThrottle, a_success_forgives_the_account) {
    LoginThrottle throttle;
    for (int i = 0; i < 9; ++i) EXPECT_FALSE(throttle.admit("ada", "a", at(0)));
    EXPECT_FALSE(throttle.admit("ada", "a", at(0)));
    throttle.succeeded("ada", "a", at(0));
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(throttle.admit("ada", "a", at(0))) << i;
    EXPECT_TRUE(throttle.admit("ada", "a", at(0)));
}

TEST(LoginThrottle, accounts_do_not_block_each_other) {
    LoginThrottle throttle;
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(throttle.admit("ada", "a", at(0)));
    EXPECT_TRUE(throttle.admit("ada", "a", at(0)));
    EXPECT_FALSE(throttle.admit("bob", "a", at(0)));
}

TEST(LoginThrottle, one_address_that_tries_many_accounts_is_slowed_down) {
    LoginThrottle throttle;
    for (int i = 0; i < 50; ++i) EXPECT_FALSE(throttle.admit("user" + std::to_string(i), "192.0.2.1", at(0))) << i;
    EXPECT_TRUE(throttle.admit("fresh", "192.0.2.1", at(0)));
    EXPECT_FALSE(throttle.admit("fresh", "192.0.2.2", at(0)));
}

TEST(LoginThrottle, ordinary_logins_never_block_an_address) {
    LoginThrottle throttle;
    for (int i = 0; i < 1000; ++i) {
        ASSERT_FALSE(throttle.admit("ada", "192.0.2.1", at(i / 100))) << i;
        throttle.succeeded("ada", "192.0.2.1", at(i / 100));
    }
    EXPECT_EQ(throttle.size(), 0u);
}

TEST(LoginThrottle, ten_quiet_minutes_forgive_everything) {
    LoginThrottle throttle;
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(throttle.admit("ada", "a", at(0)));
    EXPECT_TRUE(throttle.admit("ada", "a", at(0)));
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(throttle.admit("ada", "a", at(602))) << i;
}

TEST(LoginThrottle, a_flood_of_names_does_not_grow_without_bound) {
    LoginThrottle throttle;
    for (int i = 0; i < 120'000; ++i) throttle.admit("n" + std::to_string(i), "a" + std::to_string(i), at(0));
    EXPECT_LE(throttle.size(), 100'000u);
}

}  // namespace
}  // namespace windlass::api
