#include "shared/metrics/metric_store.h"

#include <gtest/gtest.h>

#include <thread>

#include "stored_metrics.h"

namespace windlass::metrics {
namespace {

constexpr std::int64_t start_ms = 1'700'000'400'000;  // not at a full hour

class MetricStore : public test::StoredMetrics {
  protected:
    std::vector<Point> points_of(const std::string& host) {
        std::vector<Point> points;
        for (const Stretch& s : stored(host)) points.push_back({s.at_ms, s.mean});
        return points;
    }
};

INSTANTIATE_TEST_SUITE_P(, MetricStore, testing::Values(Engine::sqlite, Engine::postgresql),
                         [](const auto& test) { return windlass::test::engine_name(test.param); });

TEST_P(MetricStore, keeps_a_row_for_each_series_and_hour_not_for_each_point) {
    std::vector<MetricPoint> points;
    std::vector<Point> expected;
    for (std::int64_t i = 0; i < 240; ++i) {
        points.push_back(point("n1", start_ms + i * 30'000, static_cast<double>(i)));
        expected.push_back({start_ms + i * 30'000, static_cast<double>(i)});
    }
    append_all(session, points);
    EXPECT_EQ(points_of("n1"), expected);
    EXPECT_EQ(series_count(), 1);
    EXPECT_EQ(window_count(), 3);
}

TEST_P(MetricStore, points_come_one_by_one_late_and_twice) {
    append_all(session, {point("n1", start_ms + 2'000, 2)});
    append_all(session, {point("n1", start_ms + 3'000, 3), point("n2", start_ms, 9)});
    append_all(session, {point("n1", start_ms + 1'000, 1)});
    append_all(session, {point("n1", start_ms + 2'000, 20), point("n1", start_ms + 2'000, 22)});
    EXPECT_EQ(points_of("n1"),
              (std::vector<Point>{{start_ms + 1'000, 1}, {start_ms + 2'000, 22}, {start_ms + 3'000, 3}}));
    EXPECT_EQ(points_of("n2"), (std::vector<Point>{{start_ms, 9}}));
}

TEST_P(MetricStore, a_job_and_its_node_are_two_series) {
    append_all(session, {point("n1", start_ms, 1), point("n1", start_ms, 2, 100'000'001)});
    EXPECT_EQ(series_count(), 2);
}

TEST_P(MetricStore, names_may_hold_what_quoting_gets_wrong) {
    const std::string name = "a'b\"c\\d,{e}=f\ng ü";
    MetricPoint odd = point(name, start_ms, 5);
    odd.series.type_id = name;
    append_all(session, {odd});
    append_all(session, {odd});
    EXPECT_EQ(points_of(name), (std::vector<Point>{{start_ms, 5}}));
}

TEST_P(MetricStore, what_is_not_good_is_refused_before_anything_is_written) {
    const auto refused = [&](MetricPoint bad) {
        const auto appended = append(session, {point("good", start_ms, 1), bad});
        ASSERT_FALSE(appended);
        EXPECT_EQ(appended.error().kind, ErrorKind::invalid);
        EXPECT_EQ(series_count(), 0);
    };
    refused(point("", start_ms, 1));
    refused(point(std::string(256, 'n'), start_ms, 1));
    refused(point("\xff", start_ms, 1));
    refused(point("n1", -1, 1));
    refused(point("n1", 9'000'000'000'000, 1));
    refused(point("n1", start_ms, 0.0 / 0.0));
}

TEST_P(MetricStore, a_transaction_that_is_given_up_leaves_nothing) {
    {
        auto transaction = Transaction::begin(session);
        ASSERT_TRUE(transaction);
        ASSERT_TRUE(append(session, {point("n1", start_ms, 1)}));
    }
    EXPECT_EQ(series_count(), 0);
    EXPECT_EQ(window_count(), 0);
}

TEST_P(MetricStore, writers_at_the_same_time_lose_no_point_of_one_window) {
    constexpr int writers = 4;
    constexpr std::int64_t each = 25;
    std::vector<std::thread> threads;
    for (int w = 0; w < writers; ++w) {
        threads.emplace_back([this, w] {
            Session own(database.url());
            for (std::int64_t i = 0; i < each; ++i)
                append_all(own, {point("n1", start_ms + i * 10 + w, 1), point("n2", start_ms + i * 10 + w, 1)});
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(points_of("n1").size(), static_cast<std::size_t>(writers * each));
    EXPECT_EQ(points_of("n2").size(), static_cast<std::size_t>(writers * each));
    EXPECT_EQ(series_count(), 2);
}

}  // namespace
}  // namespace windlass::metrics
