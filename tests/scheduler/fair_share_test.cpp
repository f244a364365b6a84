#include "scheduler/fair_share.h"

#include <gtest/gtest.h>

namespace windlass::scheduler {
namespace {

constexpr Milliseconds hour{3'600'000};
constexpr SteadyTime start{Seconds{500}};

class FairShareOfTwo : public testing::Test {
  protected:
    FairShareOfTwo() {
        fair.set_in_line(ann, true);
        fair.set_in_line(bob, true);
    }
    // One attempt from lease to end.
    void use(ShareIndex share, Seconds seconds, SteadyTime at, std::int32_t cpu = 1000) {
        fair.settle(share, fair.commit(share, cpu, at), cpu, seconds, at);
    }

    FairShare fair{hour};
    const ShareIndex ann = fair.share(0, 7);
    const ShareIndex bob = fair.share(0, 3);
};

TEST_F(FairShareOfTwo, a_user_keeps_its_share_in_a_queue) {
    EXPECT_EQ(fair.share(0, 7), ann);
    EXPECT_NE(fair.share(1, 7), ann);
    EXPECT_EQ(fair.user_of(bob), 3U);
    EXPECT_EQ(fair.queue_of(bob), 0U);
    EXPECT_EQ(fair.shares(), 3U);
}

TEST_F(FairShareOfTwo, who_has_used_less_is_first) {
    use(ann, Seconds{100}, start);
    use(bob, Seconds{99}, start);
    EXPECT_EQ(fair.first(0)->index, bob);
    EXPECT_EQ(fair.first_after(0, *fair.first(0))->index, ann);
    EXPECT_FALSE(fair.first_after(0, *fair.first_after(0, *fair.first(0))));
}

TEST(FairShareByWeight, a_user_of_weight_three_is_served_three_times_as_often) {
    FairShare fair{hour};
    const ShareIndex heavy = fair.share(0, 7, 3.0);
    const ShareIndex light = fair.share(0, 3);
    fair.set_in_line(heavy, true);
    fair.set_in_line(light, true);
    int served[2] = {0, 0};
    for (int i = 0; i < 400; ++i) {
        const ShareIndex next = fair.first(0)->index;
        ++served[next == heavy ? 0 : 1];
        fair.settle(next, fair.commit(next, 1000, start), 1000, Seconds{5}, start);
    }
    EXPECT_EQ(served[0], 300);
    EXPECT_EQ(served[1], 100);
}

TEST(FairShareOfQueues, a_queue_of_weight_three_is_served_three_times_as_often_however_many_users_it_has) {
    FairShare fair{hour};
    fair.set_weight(1, 3.0);
    for (UserIndex user = 0; user < 5; ++user) fair.set_in_line(fair.share(0, user), true);
    fair.set_in_line(fair.share(1, 7), true);
    int served[2] = {0, 0};
    for (int i = 0; i < 400; ++i) {
        const QueueIndex queue = fair.queues_in_line().begin()->index;
        ++served[queue];
        const ShareIndex next = fair.first(queue)->index;
        fair.settle(next, fair.commit(next, 1000, start), 1000, Seconds{5}, start);
    }
    EXPECT_EQ(served[0], 100);
    EXPECT_EQ(served[1], 300);
    std::string why;
    EXPECT_TRUE(fair.check_invariants(&why)) << why;
}

TEST(FairShareOfQueues, only_open_queues_in_which_somebody_waits_are_in_line) {
    FairShare fair{hour};
    const ShareIndex ann = fair.share(0, 7);
    EXPECT_TRUE(fair.queues_in_line().empty());
    fair.set_in_line(ann, true);
    EXPECT_EQ(fair.queues_in_line().size(), 1U);
    fair.set_open(0, false);
    EXPECT_TRUE(fair.queues_in_line().empty());
    EXPECT_TRUE(fair.in_line(ann));
    const FairShare::Commitment running = fair.commit(ann, 1000, start);
    EXPECT_EQ(fair.leases_of_queue(0), 1U);
    fair.set_open(0, true);
    EXPECT_EQ(fair.queues_in_line().size(), 1U);
    fair.settle(ann, running, 1000, Seconds{1}, start + 1000 * hour);
    fair.set_in_line(ann, false);
    EXPECT_TRUE(fair.queues_in_line().empty());
    std::string why;
    EXPECT_TRUE(fair.check_invariants(&why)) << why;
}

TEST_F(FairShareOfTwo, cpus_count_as_well_as_seconds) {
    use(ann, Seconds{30}, start, 4000);
    use(bob, Seconds{100}, start, 1000);
    EXPECT_EQ(fair.first(0)->index, bob);
    EXPECT_NEAR(fair.score(ann, start), 120, 1e-9);
}

TEST_F(FairShareOfTwo, use_counts_half_after_a_half_life) {
    use(ann, Seconds{100}, start);
    EXPECT_NEAR(fair.score(ann, start + hour), 50, 1e-9);
    use(bob, Seconds{51}, start + hour);
    EXPECT_EQ(fair.first(0)->index, ann);
    EXPECT_NEAR(fair.score(ann, start + 3 * hour), 12.5, 1e-9);
}

TEST_F(FairShareOfTwo, a_running_attempt_counts_before_it_has_ended) {
    const FairShare::Commitment running = fair.commit(ann, 2000, start);
    EXPECT_NEAR(fair.score(ann, start), 20, 1e-9);
    EXPECT_EQ(fair.first(0)->index, bob);
    EXPECT_EQ(fair.leases(ann), 1U);
    fair.settle(ann, running, 2000, Seconds{3}, start + Seconds{3});
    EXPECT_NEAR(fair.score(ann, start + Seconds{3}), 6, 1e-9);
    EXPECT_EQ(fair.leases(ann), 0U);
}

TEST_F(FairShareOfTwo, nobody_pays_for_a_lost_attempt) {
    use(ann, Seconds{0}, start);
    EXPECT_EQ(fair.score(ann, start), 0);
}

TEST_F(FairShareOfTwo, of_equals_the_one_served_longest_ago_is_first) {
    EXPECT_EQ(fair.first(0)->index, ann);
    use(ann, Seconds{0}, start);
    EXPECT_EQ(fair.first(0)->index, bob);
    use(bob, Seconds{0}, start);
    EXPECT_EQ(fair.first(0)->index, ann);
}

TEST_F(FairShareOfTwo, only_users_with_waiting_jobs_are_in_line) {
    fair.set_in_line(ann, false);
    EXPECT_EQ(fair.first(0)->index, bob);
    use(ann, Seconds{5}, start);
    EXPECT_EQ(fair.ahead_of(bob, 10), 0U);
    fair.set_in_line(ann, true);
    use(bob, Seconds{6}, start);
    EXPECT_EQ(fair.ahead_of(bob, 10), 1U);
}

TEST_F(FairShareOfTwo, a_commitment_from_before_the_numbers_were_scaled_down_is_taken_back_exactly) {
    const FairShare::Commitment one = fair.commit(ann, 1000, start);
    fair.commit(ann, 1000, start);
    const SteadyTime now = start + 64 * hour;
    fair.settle(ann, one, 1000, Seconds{0}, now);
    EXPECT_NEAR(fair.score(ann, now) * 0x1.0p64, 10, 1e-6);  // the other one is left
}

// A year without a restart: the inflated numbers are scaled down again and again, and everything stays in proportion.
TEST_F(FairShareOfTwo, stays_exact_over_thousands_of_half_lives) {
    SteadyTime now = start;
    for (int day = 0; day < 365; ++day) {
        use(ann, Seconds{100}, now);
        const FairShare::Commitment overnight = fair.commit(bob, 1000, now);
        now += 24 * hour;
        fair.settle(bob, overnight, 1000, Seconds{200}, now);
    }
    use(ann, Seconds{100}, now);
    EXPECT_NEAR(fair.score(ann, now), 100, 0.01);
    EXPECT_NEAR(fair.score(bob, now), 200, 0.01);
    EXPECT_EQ(fair.first(0)->index, ann);
    now += 10000 * hour;
    use(bob, Seconds{1}, now);
    EXPECT_NEAR(fair.score(ann, now), 0, 1e-9);
    EXPECT_EQ(fair.first(0)->index, ann);
}

}  // namespace
}  // namespace windlass::scheduler
