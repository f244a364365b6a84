// A migrated database with metrics, for the suites of this folder.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "shared/database/migrate.h"
#include "shared/metrics/metric_query.h"
#include "shared/metrics/metric_store.h"
#include "tests/support/databases.h"

namespace windlass::metrics::test {

class StoredMetrics : public testing::TestWithParam<Engine> {
  protected:
    void SetUp() override { ASSERT_TRUE(migrate(session)); }

    static MetricPoint point(const std::string& host, std::int64_t at_ms, double value, std::int64_t job = 0) {
        return {{JobId{job}, host, "cpu_used", "node", ""}, from_unix_us(at_ms * 1000), value};
    }
    static void append_all(Session& session, const std::vector<MetricPoint>& points) {
        auto transaction = Transaction::begin(session);
        ASSERT_TRUE(transaction) << transaction.error().message;
        const auto appended = append(session, points);
        ASSERT_TRUE(appended) << appended.error().message;
        ASSERT_TRUE(transaction->commit());
    }
    std::int64_t series_count() { return session.query("select count(*) from metric_series")->front().integer(0); }
    std::int64_t window_count() { return session.query("select count(*) from metric_window")->front().integer(0); }

    // What a query finds of the host.
    std::vector<Stretch> stored(const std::string& host, Interval interval = {0, 9'000'000'000'000}) {
        std::vector<Stretch> all;
        const auto series = find_series(session, {JobId{}, {{host}}, {"cpu_used"}});
        EXPECT_TRUE(series) << series.error().message;
        const auto read =
            read_points(session, *series, interval, [&](const Series& one, std::span<const Stretch> some) {
                EXPECT_EQ(one.key.hostname, host);
                all.insert(all.end(), some.begin(), some.end());
            });
        EXPECT_TRUE(read) << read.error().message;
        return all;
    }

    windlass::test::EmptyDatabase database{GetParam()};
    Session session{database.url()};
};

}  // namespace windlass::metrics::test
