#include "api/rate_limits.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

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

TEST(RateLimits, so_many_followers_of_an_account_have_a_seat_and_the_next_gets_one_that_was_left) {
    auto limits = std::make_unique<RateLimits>(RateSettings{.followers = 2});
    auto first = limits->follow(UserId{1});
    auto second = limits->follow(UserId{1});
    EXPECT_TRUE(first && second);
    EXPECT_FALSE(limits->follow(UserId{1}));
    EXPECT_TRUE(limits->follow(UserId{2})) << "another's";
    first.reset();
    first = limits->follow(UserId{1});
    EXPECT_TRUE(first);
    EXPECT_FALSE(limits->follow(UserId{1}));
    limits.reset();
    second.reset();  // after what counted it
}

TEST(RateLimits, followers_without_a_limit_are_not_counted_out) {
    RateLimits limits({});
    std::vector<RateLimits::Seat> seats;
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seats.emplace_back(limits.follow(UserId{1})));
}

TEST(RateLimits, many_addresses_do_not_fill_the_memory) {
    RateLimits limits({.account_per_s = 0, .address_per_s = 5});
    for (int i = 0; i < 250'000; ++i) limits.take("a" + std::to_string(i), start + Microseconds{i});
    EXPECT_LE(limits.size(), 100'000U);
}

}  // namespace
}  // namespace windlass::api
