#include "shared/cron.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>

namespace windlass {
namespace {

WallTime at(const std::string& text) {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    EXPECT_EQ(std::sscanf(text.c_str(), "%d-%d-%d %d:%d:%d", &year, &month, &day, &hour, &minute, &second), 6) << text;
    using namespace std::chrono;
    return sys_days{std::chrono::year{year} / month / day} + hours{hour} + minutes{minute} + seconds{second};
}

std::string shown(WallTime time, bool with_month) {
    using namespace std::chrono;
    const auto day = floor<days>(time);
    const year_month_day date{day};
    const auto minutes_of_day = duration_cast<minutes>(time - day).count();
    const std::string clock =
        fmt::format("{:02} {:02}:{:02}", static_cast<unsigned>(date.day()), minutes_of_day / 60, minutes_of_day % 60);
    if (!with_month) return clock;
    return fmt::format("{}-{:02}-{}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()), clock);
}

std::string next(const char* expression, const char* zone, const std::string& after) {
    const auto cron = Cron::parse(expression, zone);
    if (!cron) return cron.error().message;
    const auto found = cron->next(at(after));
    return found ? shown(*found, true) : "never";
}

std::string several(const char* expression, const char* zone, const std::string& after, int count) {
    const auto cron = Cron::parse(expression, zone);
    std::string all;
    WallTime time = at(after);
    for (int i = 0; i < count; ++i) {
        time = cron->next(time).value();
        all += (i > 0 ? ", " : "") + shown(time, false);
    }
    return all;
}

TEST(Cron, the_next_moment_is_the_first_that_matches_and_is_later) {
    EXPECT_EQ(next("* * * * *", "UTC", "2026-03-01 12:00:30"), "2026-03-01 12:01");
    EXPECT_EQ(next("*/15 * * * *", "UTC", "2026-03-01 12:45:00"), "2026-03-01 13:00");
    EXPECT_EQ(next("30 4 * * *", "UTC", "2026-03-01 04:30:00"), "2026-03-02 04:30");
    EXPECT_EQ(next("30 4 * * *", "UTC", "2026-03-01 04:29:59"), "2026-03-01 04:30");
    EXPECT_EQ(next("0 0 1 1 *", "UTC", "2026-03-01 00:00:00"), "2027-01-01 00:00");
    EXPECT_EQ(next("5-7,10 22 * * *", "UTC", "2026-03-01 22:07:00"), "2026-03-01 22:10");
    EXPECT_EQ(next("10/20 8 * * *", "UTC", "2026-03-01 08:30:00"), "2026-03-01 08:50");
    EXPECT_EQ(next("@weekly", "UTC", "2026-03-02 00:00:00"), "2026-03-08 00:00");
}

TEST(Cron, names_and_both_sundays_are_known) {
    EXPECT_EQ(next("0 9 * * MON-fri", "UTC", "2026-03-06 09:00:00"), "2026-03-09 09:00");  // from a Friday
    EXPECT_EQ(next("0 9 * * 7", "UTC", "2026-03-06 09:00:00"), "2026-03-08 09:00");
    EXPECT_EQ(next("0 9 * * 0", "UTC", "2026-03-06 09:00:00"), "2026-03-08 09:00");
    EXPECT_EQ(next("0 9 * jun-aug *", "UTC", "2026-03-06 09:00:00"), "2026-06-01 09:00");
}

TEST(Cron, one_of_two_restricted_days_is_enough_and_both_count_when_one_is_a_star) {
    EXPECT_EQ(several("0 0 13 * fri", "UTC", "2026-02-01 00:00:00", 3), "06 00:00, 13 00:00, 20 00:00");
    EXPECT_EQ(next("0 0 13 * *", "UTC", "2026-02-01 00:00:00"), "2026-02-13 00:00");
    EXPECT_EQ(next("0 0 * * fri", "UTC", "2026-02-01 00:00:00"), "2026-02-06 00:00");
}

TEST(Cron, a_day_that_comes_only_in_leap_years_is_found_and_one_that_never_comes_is_not) {
    EXPECT_EQ(next("0 0 29 2 *", "UTC", "2026-03-01 00:00:00"), "2028-02-29 00:00");
    EXPECT_EQ(next("30 2 31 2 *", "UTC", "2026-03-01 00:00:00"), "never");
}

TEST(Cron, hours_are_those_of_the_time_zone) {
    EXPECT_EQ(next("30 4 * * *", "Europe/Berlin", "2026-01-10 00:00:00"), "2026-01-10 03:30");
    EXPECT_EQ(next("30 4 * * *", "Europe/Berlin", "2026-07-10 00:00:00"), "2026-07-10 02:30");
    EXPECT_EQ(next("0 0 * * *", "Asia/Kathmandu", "2026-07-10 00:00:00"), "2026-07-10 18:15");
}

TEST(Cron, a_time_that_the_spring_takes_away_is_run_when_the_gap_is_over) {
    // Berlin, 29 March 2026: 01:59 is followed by 03:00, which is 01:00 UTC.
    EXPECT_EQ(several("30 2 * * *", "Europe/Berlin", "2026-03-27 12:00:00", 3), "28 01:30, 29 01:00, 30 00:30");
}

TEST(Cron, a_time_that_the_autumn_brings_twice_is_run_once) {
    // Berlin, 25 October 2026: 02:00 to 02:59 comes twice.
    EXPECT_EQ(several("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00:00", 2), "25 00:30, 26 01:30");
}

TEST(Cron, with_every_hour_it_is_the_time_that_passes_which_counts) {
    EXPECT_EQ(several("30 * * * *", "Europe/Berlin", "2026-10-24 23:31:00", 4),
              "25 00:30, 25 01:30, 25 02:30, 25 03:30");
    EXPECT_EQ(several("30 * * * *", "Europe/Berlin", "2026-03-29 00:00:00", 3), "29 00:30, 29 01:30, 29 02:30");
}

TEST(Cron, planned_moments_never_repeat_and_never_go_back) {
    for (const char* zone : {"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo"})
        for (const char* expression : {"17 3 * * *", "*/7 * * * *", "0 0 * * *", "59 23 * * sun", "0 2 * * *"}) {
            const auto cron = Cron::parse(expression, zone);
            WallTime before = at("2026-03-20 00:00:00");
            for (int i = 0; i < 200; ++i) {
                const auto following = cron->next(before);
                ASSERT_TRUE(following && *following > before) << expression << " in " << zone;
                before = *following;
            }
        }
}

TEST(Cron, what_is_none_is_refused_with_the_field_that_is_wrong) {
    const auto fault = [](const char* expression, const char* zone = "UTC") {
        const auto cron = Cron::parse(expression, zone);
        return cron ? std::string("accepted") : cron.error().message;
    };
    EXPECT_NE(fault("60 * * * *").find("the minute \"60\""), std::string::npos);
    EXPECT_NE(fault("* 24 * * *").find("the hour \"24\""), std::string::npos);
    EXPECT_NE(fault("* * 0 * *").find("the day of the month \"0\""), std::string::npos);
    EXPECT_NE(fault("* * * 13 *").find("the month \"13\""), std::string::npos);
    EXPECT_NE(fault("* * * * 8").find("the day of the week \"8\""), std::string::npos);
    EXPECT_NE(fault("* * * *").find("five fields"), std::string::npos);
    EXPECT_NE(fault("").find("five fields"), std::string::npos);
    EXPECT_NE(fault("* * * * * *").find("five fields"), std::string::npos);
    for (const char* part : {"5-1", "*/0", "*/x", "1-", "-1", ",", "1,,2", "a", "1-2-3", "*/99999999999", "1/"})
        EXPECT_NE(fault((std::string(part) + " * * * *").c_str()).find("the minute"), std::string::npos) << part;
    EXPECT_NE(fault("* * * * *", "Europe/Nowhere").find("no time zone"), std::string::npos);
    EXPECT_NE(fault("* * * * *", "../../etc/passwd").find("no time zone"), std::string::npos);
}

}  // namespace
}  // namespace windlass
