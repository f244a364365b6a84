#include "scheduler/schedules.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace windlass::scheduler {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

const WallTime midnight = std::chrono::sys_days{std::chrono::year{2026} / 5 / 4};

class SchedulesTest : public testing::Test {
  protected:
    void put(const char* cron, OverlapPolicy overlap, MissedPolicy missed, std::int64_t id = 1,
             WallTime made = midnight) {
        schedules_.put({id, UserId{1}, Cron::parse(cron, "UTC").value(), overlap, missed, false, made, JobId{}});
    }
    // Does what a scheduler does at `now`: runs what is due as jobs 1, 2, …
    std::vector<Due> look(WallTime now) {
        std::vector<Due> all;
        while (const auto due = schedules_.due(now, [&](JobId job) { return ended_.contains(job); })) {
            if (due->cancel) ended_.insert(due->cancel);
            schedules_.dealt_with(*due, due->run ? JobId{++last_job_} : JobId{});
            all.push_back(*due);
        }
        return all;
    }
    void end(std::int64_t job) { ended_.insert(JobId{job}); }

    Schedules schedules_;
    std::set<JobId> ended_;
    std::int64_t last_job_ = 0;
};

TEST_F(SchedulesTest, each_planned_moment_is_run_once) {
    put("0 * * * *", OverlapPolicy::skip, MissedPolicy::once);
    EXPECT_EQ(schedules_.next(), midnight + hours{1});
    EXPECT_TRUE(look(midnight + minutes{59}).empty());
    const auto due = look(midnight + hours{1});
    ASSERT_EQ(due.size(), 1u);
    EXPECT_TRUE(due[0].run);
    EXPECT_EQ(due[0].planned, midnight + hours{1});
    EXPECT_TRUE(look(midnight + hours{1}).empty());
    EXPECT_EQ(schedules_.next(), midnight + hours{2});
}

TEST_F(SchedulesTest, a_job_that_still_runs_keeps_the_next_one_away_or_waits_or_is_replaced) {
    for (const OverlapPolicy overlap : {OverlapPolicy::skip, OverlapPolicy::queue, OverlapPolicy::replace}) {
        put("0 * * * *", overlap, MissedPolicy::once);
        last_job_ = 10 * static_cast<int>(overlap);
        const JobId first{last_job_ + 1};
        ASSERT_EQ(look(midnight + hours{1}).size(), 1u);
        const auto second = look(midnight + hours{2});
        ASSERT_EQ(second.size(), 1u);
        EXPECT_EQ(second[0].run, overlap != OverlapPolicy::skip);
        EXPECT_EQ(second[0].wait_for, overlap == OverlapPolicy::queue ? first : JobId{});
        EXPECT_EQ(second[0].cancel, overlap == OverlapPolicy::replace ? first : JobId{});
        EXPECT_EQ(second[0].left_out.empty(), second[0].run);
    }
}

TEST_F(SchedulesTest, when_the_job_before_has_ended_nothing_is_in_the_way) {
    put("0 * * * *", OverlapPolicy::skip, MissedPolicy::once);
    look(midnight + hours{1});
    end(1);
    const auto due = look(midnight + hours{2});
    ASSERT_EQ(due.size(), 1u);
    EXPECT_TRUE(due[0].run);
}

TEST_F(SchedulesTest, missed_moments_are_skipped_run_once_or_run_each) {
    const WallTime late = midnight + hours{5} + minutes{30};
    put("0 * * * *", OverlapPolicy::queue, MissedPolicy::skip);
    auto due = look(late);
    ASSERT_EQ(due.size(), 1u);
    EXPECT_FALSE(due[0].run);
    EXPECT_EQ(due[0].planned, midnight + hours{5});

    put("0 * * * *", OverlapPolicy::queue, MissedPolicy::once);
    due = look(late);
    ASSERT_EQ(due.size(), 1u);
    EXPECT_TRUE(due[0].run);
    EXPECT_EQ(due[0].planned, midnight + hours{5});

    put("0 * * * *", OverlapPolicy::queue, MissedPolicy::all);
    due = look(late);
    ASSERT_EQ(due.size(), 5u);
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_TRUE(due[i].run);
        EXPECT_EQ(due[i].planned, midnight + hours{1 + static_cast<int>(i)});
        EXPECT_EQ(static_cast<bool>(due[i].wait_for), i > 0);  // one after the other
    }
}

TEST_F(SchedulesTest, what_is_on_time_is_run_though_others_were_missed) {
    put("* * * * *", OverlapPolicy::queue, MissedPolicy::skip);
    const auto due = look(midnight + hours{3} + Seconds{10});
    ASSERT_EQ(due.size(), 2u);
    EXPECT_FALSE(due[0].run);
    EXPECT_TRUE(due[1].run);
    EXPECT_EQ(due[1].planned, midnight + hours{3});
}

TEST_F(SchedulesTest, a_year_of_missed_minutes_is_passed_over_quickly) {
    put("* * * * *", OverlapPolicy::queue, MissedPolicy::once);
    const WallTime late = midnight + hours{24 * 400} + Seconds{1};
    const auto due = look(late);
    ASSERT_EQ(due.size(), 1u);
    EXPECT_EQ(due[0].planned, midnight + hours{24 * 400});
}

TEST_F(SchedulesTest, a_paused_one_is_not_due_and_several_come_in_the_order_of_their_time) {
    put("30 * * * *", OverlapPolicy::skip, MissedPolicy::once, 1);
    put("10 * * * *", OverlapPolicy::skip, MissedPolicy::once, 2);
    Schedule paused{
        3,        UserId{1}, Cron::parse("5 * * * *", "UTC").value(), OverlapPolicy::skip, MissedPolicy::once, true,
        midnight, JobId{}};
    schedules_.put(paused);
    const auto due = look(midnight + minutes{30} + Seconds{1});
    ASSERT_EQ(due.size(), 2u);
    EXPECT_EQ(due[0].schedule, 2);
    EXPECT_EQ(due[1].schedule, 1);
    schedules_.remove(1);
    schedules_.remove(2);
    EXPECT_EQ(schedules_.next(), std::nullopt);
}

TEST_F(SchedulesTest, one_that_was_read_back_after_a_crash_goes_on_behind_what_was_dealt_with) {
    put("0 * * * *", OverlapPolicy::skip, MissedPolicy::all, 1, midnight + hours{3});
    const auto due = look(midnight + hours{4});
    ASSERT_EQ(due.size(), 1u);
    EXPECT_EQ(due[0].planned, midnight + hours{4});
}

}  // namespace
}  // namespace windlass::scheduler
