#include "worker/slots.h"

#include <gtest/gtest.h>

#include "worker/backoff.h"

namespace windlass::worker {
namespace {

Limits needs(std::int32_t cpu_millis, std::int64_t memory_bytes) {
    Limits limits;
    limits.cpu_millis = cpu_millis;
    limits.memory_bytes = memory_bytes;
    return limits;
}

TEST(Slots, takes_attempts_until_the_cores_are_used_up) {
    Slots slots(2000, 100, 8);
    slots.take(needs(1000, 1));
    EXPECT_TRUE(slots.fits(needs(1000, 1)));
    EXPECT_FALSE(slots.fits(needs(1001, 1)));
    slots.take(needs(1000, 1));
    EXPECT_FALSE(slots.fits(needs(1, 1)));
    slots.give_back(needs(1000, 1));
    EXPECT_TRUE(slots.fits(needs(1000, 1)));
}

TEST(Slots, memory_counts_too) {
    Slots slots(2000, 100, 8);
    slots.take(needs(1, 60));
    EXPECT_FALSE(slots.fits(needs(1, 41)));
    EXPECT_TRUE(slots.fits(needs(1, 40)));
}

TEST(Slots, there_are_never_more_boxes_than_the_sandbox_has) {
    Slots slots(2000, 100, 2);
    slots.take(needs(1, 1));
    slots.take(needs(1, 1));
    EXPECT_FALSE(slots.fits(needs(1, 1)));
}

TEST(Slots, an_attempt_that_asks_for_more_than_there_is_runs_alone) {
    Slots slots(2000, 100, 8);
    slots.take(needs(1, 1));
    EXPECT_FALSE(slots.fits(needs(9000, 9000)));
    slots.give_back(needs(1, 1));
    ASSERT_TRUE(slots.fits(needs(9000, 9000)));
    slots.take(needs(9000, 9000));
    EXPECT_FALSE(slots.fits(needs(1, 1)));
}

TEST(Backoff, doubles_from_50_ms_to_2_s_and_stays_there) {
    Backoff backoff;
    const double almost_one = 0.999999;
    std::vector<std::int64_t> waits;
    for (int i = 0; i < 8; ++i) waits.push_back(backoff.next(almost_one).count());
    EXPECT_EQ(waits, (std::vector<std::int64_t>{49, 99, 199, 399, 799, 1599, 1999, 1999}));
}

TEST(Backoff, chance_takes_away_up_to_half) {
    Backoff backoff;
    EXPECT_EQ(backoff.next(0).count(), 25);
    EXPECT_EQ(backoff.next(0.5).count(), 75);
}

TEST(Backoff, begins_anew_after_a_success) {
    Backoff backoff;
    for (int i = 0; i < 5; ++i) backoff.next(0);
    backoff.reset();
    EXPECT_EQ(backoff.next(0).count(), 25);
}

}  // namespace
}  // namespace windlass::worker
