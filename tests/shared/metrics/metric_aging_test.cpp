#include "shared/metrics/metric_aging.h"

#include <gmock/gmock.h>

#include "stored_metrics.h"

namespace windlass::metrics {
namespace {

using testing::HasSubstr;

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t first_day_ms = 19'700 * day_ms;

class MetricAging : public test::StoredMetrics {
  protected:
    static WallTime day(std::int64_t number) { return from_unix_us((first_day_ms + number * day_ms) * 1000); }

    std::int64_t step(const AgingSettings& settings, WallTime now, std::int64_t at_once = 100) {
        auto transaction = Transaction::begin(session);
        EXPECT_TRUE(transaction);
        const auto aged = age(session, settings, now, at_once);
        EXPECT_TRUE(aged) << aged.error().message;
        EXPECT_TRUE(transaction->commit());
        return aged ? *aged : 0;
    }
    // To the end; how many steps it took.
    int age_all(const AgingSettings& settings, WallTime now, std::int64_t at_once = 100) {
        int steps = 0;
        while (step(settings, now, at_once) > 0 && steps < 1'000) ++steps;
        return steps;
    }
};

INSTANTIATE_TEST_SUITE_P(, MetricAging, testing::Values(Engine::sqlite, Engine::postgresql),
                         [](const auto& test) { return windlass::test::engine_name(test.param); });

TEST_P(MetricAging, old_points_become_means_and_young_ones_stay) {
    std::vector<MetricPoint> points;
    for (std::int64_t i = 0; i < 40; ++i)
        points.push_back(point("n1", first_day_ms + i * 30'000, static_cast<double>(i)));
    points.push_back(point("n1", first_day_ms + day_ms + 7'000, 5));
    append_all(session, points);
    const AgingSettings settings{.keep_points_days = 1, .coarse_s = 300, .keep_days = 0};

    EXPECT_EQ(age_all(settings, day(1)), 0) << "a day that is not over yet is not old";
    EXPECT_EQ(age_all(settings, day(2)), 1);

    std::vector<Stretch> expected;
    for (std::int64_t i = 0; i < 4; ++i) {
        const double first = static_cast<double>(10 * i);
        expected.push_back({first_day_ms + i * 300'000, first + 4.5, first, first + 9, 10});
    }
    expected.push_back({first_day_ms + day_ms + 7'000, 5, 5, 5, 1});
    const auto found = stored("n1");
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
        EXPECT_EQ(found[i].at_ms, expected[i].at_ms);
        EXPECT_NEAR(found[i].mean, expected[i].mean, 1e-9);
        EXPECT_EQ(found[i].min, expected[i].min);
        EXPECT_EQ(found[i].max, expected[i].max);
        EXPECT_EQ(found[i].count, expected[i].count);
    }
    EXPECT_EQ(age_all(settings, day(2)), 0) << "once is enough";
}

TEST_P(MetricAging, a_point_that_comes_too_late_is_taken_into_the_mean) {
    const AgingSettings settings{.keep_points_days = 1, .coarse_s = 300, .keep_days = 0};
    append_all(session, {point("n1", first_day_ms, 1), point("n1", first_day_ms + 30'000, 2)});
    age_all(settings, day(3));
    append_all(session, {point("n1", first_day_ms + 60'000, 9)});
    EXPECT_EQ(stored("n1").size(), 2U);
    age_all(settings, day(3));
    const auto found = stored("n1");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_NEAR(found[0].mean, 4, 1e-9);
    EXPECT_EQ(found[0].max, 9);
    EXPECT_EQ(found[0].count, 3);
}

TEST_P(MetricAging, small_steps_come_to_the_same_and_a_step_given_up_changes_nothing) {
    std::vector<MetricPoint> points;
    for (int host = 0; host < 5; ++host)
        for (std::int64_t i = 0; i < 200; ++i)
            points.push_back(point("n" + std::to_string(host), first_day_ms + i * 1'000'000, static_cast<double>(i)));
    append_all(session, points);
    const AgingSettings settings{.keep_points_days = 1, .coarse_s = 3'600, .keep_days = 0};
    const auto before = stored("n3");
    {
        auto transaction = Transaction::begin(session);
        ASSERT_TRUE(transaction);
        ASSERT_GT(age(session, settings, day(5), 48).value(), 0);
    }
    EXPECT_EQ(stored("n3"), before);
    EXPECT_GT(age_all(settings, day(5), 24), 5);
    for (int host = 0; host < 5; ++host) {
        const auto found = stored("n" + std::to_string(host));
        double count = 0;
        for (const Stretch& s : found) count += s.count;
        EXPECT_EQ(count, 200);
        EXPECT_LE(found.size(), 57U);
    }
    EXPECT_EQ(window_count(), 5 * 3);
}

TEST_P(MetricAging, what_is_older_than_everything_kept_goes_with_its_series) {
    append_all(session, {point("old", first_day_ms, 1), point("n1", first_day_ms, 1),
                         point("n1", first_day_ms + 5 * day_ms, 2)});
    const AgingSettings settings{.keep_points_days = 1, .coarse_s = 300, .keep_days = 3};
    age_all(settings, day(3));
    EXPECT_EQ(stored("old").size(), 1U);
    age_all(settings, day(4));
    EXPECT_TRUE(stored("old").empty());
    EXPECT_EQ(stored("n1").size(), 1U);
    EXPECT_EQ(series_count(), 1);
}

TEST_P(MetricAging, without_a_coarse_interval_old_points_are_deleted) {
    append_all(session, {point("n1", first_day_ms, 1), point("n1", first_day_ms + 2 * day_ms, 2)});
    age_all({.keep_points_days = 1, .coarse_s = 0, .keep_days = 0}, day(2));
    EXPECT_EQ(stored("n1"), (std::vector<Stretch>{{first_day_ms + 2 * day_ms, 2, 2, 2, 1}}));
}

TEST_P(MetricAging, kept_for_ever_is_kept_for_ever) {
    append_all(session, {point("n1", first_day_ms, 1)});
    EXPECT_EQ(age_all({.keep_points_days = 0, .coarse_s = 300, .keep_days = 0}, day(30'000)), 0);
    EXPECT_EQ(stored("n1").size(), 1U);
}

TEST(AgingSettings, what_cannot_be_done_is_refused_by_name) {
    EXPECT_TRUE(check(AgingSettings{}));
    EXPECT_THAT(check({.keep_points_days = -1}).error().message, HasSubstr("metrics.keep_points_days"));
    EXPECT_THAT(check({.coarse_s = 7}).error().message, HasSubstr("metrics.coarse_s"));
    EXPECT_THAT(check({.keep_days = 40'000}).error().message, HasSubstr("metrics.keep_days"));
    EXPECT_THAT(check({.keep_points_days = 10, .keep_days = 9}).error().message, HasSubstr("metrics.keep_points_days"));
    EXPECT_TRUE(check({.keep_points_days = 10, .keep_days = 0}));
}

}  // namespace
}  // namespace windlass::metrics
