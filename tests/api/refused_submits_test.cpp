#include "api/refused_submits.h"

#include <gtest/gtest.h>

namespace windlass::api {
namespace {

const SteadyTime start{Seconds{1000}};
const UserId ada{1};
const UserId bob{2};

Problem full() {
    Problem problem = make_problem(429, "The queue is full.");
    problem.retry_after_s = 3;
    return problem;
}

// Refuses so often, one millisecond apart, that the last of them makes the account one that is told from memory.
SteadyTime refuse_often(RefusedSubmits& refused, UserId account, SteadyTime now) {
    for (std::int64_t i = 1; i < RefusedSubmits::many_per_second; ++i, now += Milliseconds{1})
        refused.note(account, full(), now);
    EXPECT_FALSE(refused.remembered(account, now)) << "one less is not many";
    refused.note(account, full(), now);
    return now;
}

TEST(RefusedSubmits, who_is_refused_now_and_then_always_gets_the_schedulers_own_answer) {
    RefusedSubmits refused;
    SteadyTime now = start;
    for (int i = 0; i < 1000; ++i, now += Milliseconds{11}) {
        refused.note(ada, full(), now);
        ASSERT_FALSE(refused.remembered(ada, now)) << i;
    }
}

TEST(RefusedSubmits, who_is_refused_often_is_told_the_same_for_a_moment) {
    RefusedSubmits refused;
    const SteadyTime last = refuse_often(refused, ada, start);
    const auto told = refused.remembered(ada, last + RefusedSubmits::good_for - Milliseconds{1});
    ASSERT_TRUE(told);
    EXPECT_EQ(told->status, 429);
    EXPECT_EQ(told->detail, "The queue is full.");
    EXPECT_EQ(told->retry_after_s, 3);
    EXPECT_FALSE(refused.remembered(bob, last)) << "another";
    EXPECT_FALSE(refused.remembered(ada, last + RefusedSubmits::good_for)) << "the scheduler is asked again";
}

TEST(RefusedSubmits, it_goes_on_over_the_turn_of_a_second_while_it_is_as_bad) {
    RefusedSubmits refused;
    SteadyTime now = refuse_often(refused, ada, start);
    for (int i = 0; i < 300; ++i) {
        now += RefusedSubmits::good_for;
        EXPECT_FALSE(refused.remembered(ada, now)) << "one asks";
        refused.note(ada, full(), now);
        ASSERT_TRUE(refused.remembered(ada, now + Milliseconds{5})) << i << ": the others do not";
    }
    now += Seconds{10};
    refused.note(ada, full(), now);
    EXPECT_FALSE(refused.remembered(ada, now)) << "it was quiet in between";
}

TEST(RefusedSubmits, accounts_that_are_quiet_are_forgotten) {
    RefusedSubmits refused;
    for (int i = 0; i < 20'000; ++i) refused.note(UserId{i + 1}, full(), start + Milliseconds{i});
    EXPECT_LE(refused.size(), 10'000u);
}

}  // namespace
}  // namespace windlass::api
