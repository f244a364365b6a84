#include "shared/metrics/metric_query.h"

#include "stored_metrics.h"

namespace windlass::metrics {
namespace {

constexpr std::int64_t start_ms = 1'700'000'400'000;

class MetricQuery : public test::StoredMetrics {};

INSTANTIATE_TEST_SUITE_P(, MetricQuery, testing::Values(Engine::sqlite, Engine::postgresql),
                         [](const auto& test) { return windlass::test::engine_name(test.param); });

TEST_P(MetricQuery, finds_series_of_hosts_or_of_a_job_in_the_order_of_their_keys) {
    MetricPoint other = point("n1", start_ms, 1);
    other.series.measurement = "mem_used";
    append_all(session, {point("n2", start_ms, 1), point("n1", start_ms, 1), other,
                         point("n1", start_ms, 1, 100'000'001), point("Z", start_ms, 1, 100'000'001)});
    const auto names = [&](const SeriesQuery& query) {
        std::vector<std::string> out;
        const auto found = find_series(session, query);
        EXPECT_TRUE(found);
        for (const Series& s : *found)
            out.push_back(s.key.hostname + "/" + s.key.measurement + "/" + s.key.job.text());
        return out;
    };
    using List = std::vector<std::string>;
    EXPECT_EQ(names({JobId{}, {{"n1", "n2", "n'3"}}, {"cpu_used"}}), (List{"n1/cpu_used/0", "n2/cpu_used/0"}));
    EXPECT_EQ(names({JobId{}, {{"n1"}}, {"mem_used", "cpu_used"}}), (List{"n1/cpu_used/0", "n1/mem_used/0"}));
    EXPECT_EQ(names({JobId{100'000'001}, {}, {"cpu_used"}}), (List{"Z/cpu_used/100000001", "n1/cpu_used/100000001"}));
    EXPECT_EQ(names({JobId{100'000'001}, {{"n1"}}, {"cpu_used"}}), (List{"n1/cpu_used/100000001"}));
    EXPECT_EQ(names({JobId{7}, {}, {"cpu_used"}}), List{});
    EXPECT_EQ(names({JobId{}, {List{}}, {"cpu_used"}}), List{});
}

TEST_P(MetricQuery, both_ends_of_the_interval_belong_to_it) {
    append_all(session, {point("n1", start_ms, 1), point("n1", start_ms + 1, 2), point("n1", start_ms + 2, 3),
                         point("n1", start_ms + 3, 4)});
    EXPECT_EQ(stored("n1", {start_ms + 1, start_ms + 2}).size(), 2U);
    EXPECT_TRUE(stored("n1", {start_ms + 4, start_ms + 9}).empty());
    EXPECT_TRUE(stored("n1", {start_ms + 2, start_ms + 1}).empty());
}

TEST_P(MetricQuery, reads_many_series_over_many_windows_one_after_the_other) {
    std::vector<MetricPoint> points;
    for (int host = 0; host < 100; ++host)
        for (std::int64_t hour = 0; hour < 60; ++hour)
            points.push_back(point("n" + std::to_string(host), start_ms + hour * 3'600'000, host));
    append_all(session, points);
    std::vector<std::string> hosts;
    for (int host = 0; host < 100; ++host) hosts.push_back("n" + std::to_string(host));
    const auto series = find_series(session, {JobId{}, hosts, {"cpu_used"}}).value();
    ASSERT_EQ(series.size(), 100U);
    std::size_t next = 0;
    ASSERT_TRUE(read_points(session, series, {0, start_ms + 60 * 3'600'000},
                            [&](const Series& one, std::span<const Stretch> some) {
                                EXPECT_EQ(one.id, series[next++].id);
                                EXPECT_EQ(some.size(), 60U);
                                for (const Stretch& s : some)
                                    EXPECT_EQ("n" + std::to_string(static_cast<int>(s.mean)), one.key.hostname);
                            }));
    EXPECT_EQ(next, 100U);
}

TEST_P(MetricQuery, a_damaged_window_is_an_error_and_not_a_gap) {
    append_all(session, {point("n1", start_ms, 1)});
    ASSERT_TRUE(session.execute("update metric_window set packed = :bytes", Bytes{"\x01\x05zz"}));
    const auto series = find_series(session, {JobId{}, {{"n1"}}, {"cpu_used"}}).value();
    const auto read = read_points(session, series, {0, start_ms}, [](const Series&, std::span<const Stretch>) {});
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().kind, ErrorKind::internal);
}

}  // namespace
}  // namespace windlass::metrics
