#include "worker/cpu_budget.h"

#include <gtest/gtest.h>

namespace windlass::worker {
namespace {

constexpr SteadyTime start{Seconds{100}};

TEST(CpuBudget, without_a_limit_nobody_looks) {
    CpuBudget budget(Milliseconds{0}, 4);
    budget.started(start);
    EXPECT_FALSE(budget.check_at().has_value());
}

TEST(CpuBudget, first_look_is_when_the_limit_could_be_reached_at_the_earliest) {
    CpuBudget budget(Seconds{8}, 4);
    EXPECT_FALSE(budget.check_at().has_value());
    budget.started(start);
    EXPECT_EQ(budget.check_at(), start + Seconds{2});
    EXPECT_FALSE(budget.reached(Seconds{4}, start + Seconds{2}));
    EXPECT_EQ(budget.check_at(), start + Seconds{3});
    EXPECT_TRUE(budget.reached(Seconds{8}, start + Seconds{3}));
}

TEST(CpuBudget, overshoot_stays_below_five_percent_for_any_way_of_using_time) {
    for (const int parallel : {1, 2, 4}) {
        for (const int in_use : {1, 2, 4}) {
            if (in_use > parallel) continue;
            CpuBudget budget(Seconds{1}, parallel);
            budget.started(start);
            Microseconds used{};
            SteadyTime now = start;
            int looks = 0;
            do {
                used += (*budget.check_at() - now) * in_use;
                now = *budget.check_at();
                ++looks;
            } while (!budget.reached(used, now));
            EXPECT_LE(used, Milliseconds{1050}) << in_use << " of " << parallel;
            EXPECT_LE(looks, 40);
        }
    }
}

TEST(CpuBudget, idle_job_is_looked_at_seldom) {
    CpuBudget budget(Seconds{10}, 1);
    budget.started(start);
    EXPECT_FALSE(budget.reached(Milliseconds{9'999}, start));
    EXPECT_EQ(budget.check_at(), start + Milliseconds{50});
}

TEST(CpuBudget, is_over_when_nobody_counts) {
    CpuBudget budget(Seconds{10}, 1);
    budget.started(start);
    budget.over();
    EXPECT_FALSE(budget.check_at().has_value());
}

}  // namespace
}  // namespace windlass::worker
