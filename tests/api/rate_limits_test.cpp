#include "api/rate_limits.h"

#include <gtest/gtest.h>

namespace windlass::api {
namespace {

const SteadyTime start{Seconds{1000}};

TEST(RateLimits, a_bucket_holds_two_seconds_and_fills_evenly) {
    RateLimits limits({.account_per_s = 10, .address_per_s = 0});
    for (int i = 0; i < 20; ++i) {
        const auto standing = limits.take(UserId{1}, start);
        ASSERT_TRUE(standing);
        EXPECT_FALSE(standing->refused) << i;
        EXPECT_EQ(standing->limit, 20);
        EXPECT_EQ(standing->remaining, 19 - i);
    }
    const auto refused = limits.take(UserId{1}, start);
    EXPECT_TRUE(refused->refused);
    EXPECT_EQ(refused->remaining, 0);
    EXPECT_EQ(refused->retry_after_s, 1);
    EXPECT_EQ(refused->reset_s, 2);
    EXPECT_FALSE(limits.take(UserId{1}, start + Milliseconds{100})->refused) << "a tenth of a second is one request";
    EXPECT_TRUE(limits.take(UserId{1}, start + Milliseconds{100})->refused);
    EXPECT_EQ(limits.take(UserId{1}, start + Seconds{60})->remaining, 19) << "no more than full";
}

TEST(RateLimits, one_account_or_address_does_not_use_up_anothers) {
    RateLimits limits({.account_per_s = 1, .address_per_s = 1});
    for (int i = 0; i < 2; ++i) limits.take(UserId{1}, start);
    EXPECT_TRUE(limits.take(UserId{1}, start)->refused);
    EXPECT_FALSE(limits.take(UserId{2}, start)->refused);
    EXPECT_FALSE(limits.take("1", start)->refused) << "an address is no account";
    EXPECT_FALSE(limits.take("192.0.2.7", start)->refused);
}

TEST(RateLimits, without_a_limit_and_on_loopback_nothing_is_counted) {
    RateLimits unlimited({});
    EXPECT_FALSE(unlimited.take(UserId{1}, start));
    EXPECT_FALSE(unlimited.take("192.0.2.7", start));
    RateLimits limited({.account_per_s = 1, .address_per_s = 1});
    EXPECT_FALSE(limited.take("127.0.0.1", start));
    EXPECT_FALSE(limited.take("::1", start));
    EXPECT_EQ(limited.size(), 0U);
}

TEST(RateLimits, many_addresses_do_not_fill_the_memory) {
    RateLimits limits({.account_per_s = 0, .address_per_s = 5});
    for (int i = 0; i < 250'000; ++i) limits.take("a" + std::to_string(i), start + Microseconds{i});
    EXPECT_LE(limits.size(), 100'000U);
}

}  // namespace
}  // namespace windlass::api
