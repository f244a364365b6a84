// What the stores do with metrics, on both databases: the tables are those of shared/metrics/.
#include <gtest/gtest.h>

#include "shared/metrics/metric_store.h"
#include "tests/scheduler/store_fixture.h"

namespace windlass::scheduler::test {
namespace {

class StoreMetrics : public testing::TestWithParam<Engine> {
  protected:
    void append(std::int64_t job, WallTime time) {
        auto transaction = Transaction::begin(database.session());
        ASSERT_TRUE(transaction);
        ASSERT_TRUE(metrics::append(database.session(), {{{JobId{job}, "w1", "cpu_used", "node", ""}, time, 1}}));
        ASSERT_TRUE(transaction->commit());
    }

    SqlStoreDatabase database{GetParam()};
    std::unique_ptr<Store> store = database.open();
};

INSTANTIATE_TEST_SUITE_P(, StoreMetrics, testing::Values(Engine::sqlite, Engine::postgresql),
                         [](const auto& test) { return windlass::test::engine_name(test.param); });

TEST_P(StoreMetrics, go_with_their_job) {
    ASSERT_TRUE(store->lead());
    Batch batch = submit(1, 1);
    batch.jobs[0].row = finished_row();
    batch.jobs[0].row.finished = at(60);
    ASSERT_TRUE(store->commit(batch));
    append(1, at(50));
    append(0, at(50));
    ASSERT_EQ(store->move_finished(10).value(), 1);
    ASSERT_EQ(store->forget_finished(at(70), 10).value(), 1);
    EXPECT_EQ(database.rows("metric_series"), 1);
    EXPECT_EQ(database.rows("metric_window"), 1);
}

TEST_P(StoreMetrics, grow_old_under_the_leader_alone) {
    const metrics::AgingSettings settings{.keep_points_days = 1, .coarse_s = 300, .keep_days = 10};
    ASSERT_TRUE(store->lead());
    append(0, at(50));
    append(0, at(4'000));
    const WallTime later = at(50) + std::chrono::days{5};
    EXPECT_EQ(store->age_metrics(settings, later, 100).value(), 2);
    EXPECT_EQ(store->age_metrics(settings, later, 100).value(), 0);
    EXPECT_EQ(database.rows("metric_window"), 1);
    EXPECT_EQ(store->age_metrics(settings, later + std::chrono::days{20}, 100).value(), 1);
    EXPECT_EQ(database.rows("metric_series"), 0);

    database.break_lock();
    const auto other = database.open();
    ASSERT_TRUE(other->lead());
    EXPECT_EQ(store->age_metrics(settings, later, 100).error().kind, ErrorKind::stale);
}

}  // namespace
}  // namespace windlass::scheduler::test
