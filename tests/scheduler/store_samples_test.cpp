// Numbers about running attempts in the tables, by both engines.
#include "tests/scheduler/store_fixture.h"

namespace windlass::scheduler::test {
namespace {

class StoreSamples : public testing::TestWithParam<Engine> {
  protected:
    static std::vector<metrics::MetricPoint> two_points() {
        return {{{JobId{7}, "node-1", "cpu_used", "node", ""}, at(0), 0.5},
                {{JobId{7}, "node-1", "mem_used", "node", ""}, at(0), 1e8}};
    }
    SqlStoreDatabase database{GetParam()};
    std::unique_ptr<Store> store = database.open();
};

TEST_P(StoreSamples, are_kept_as_series_by_the_leader_alone) {
    EXPECT_EQ(store->append_samples(two_points()).error().kind, ErrorKind::stale) << "it does not lead";
    ASSERT_TRUE(store->lead());
    ASSERT_TRUE(store->append_samples(two_points()));
    ASSERT_TRUE(store->append_samples(two_points())) << "again changes nothing";
    EXPECT_EQ(database.rows("metric_series"), 2);
    EXPECT_EQ(database.rows("metric_window"), 2);
    database.break_lock();
    const auto next = database.open();
    ASSERT_TRUE(next->lead());
    EXPECT_EQ(store->append_samples(two_points()).error().kind, ErrorKind::stale);
}

TEST_P(StoreSamples, that_are_refused_leave_the_store_as_it_was) {
    ASSERT_TRUE(store->lead());
    auto points = two_points();
    points[1].series.measurement.clear();
    EXPECT_EQ(store->append_samples(points).error().kind, ErrorKind::invalid);
    EXPECT_EQ(database.rows("metric_series"), 0);
    EXPECT_TRUE(store->commit(submit(1, 1)));
    EXPECT_EQ(database.rows("job_state"), 1);
}

INSTANTIATE_TEST_SUITE_P(Both, StoreSamples, testing::Values(Engine::sqlite, Engine::postgresql),
                         [](const auto& param) { return param.param == Engine::sqlite ? "SQLite" : "PostgreSQL"; });

}  // namespace
}  // namespace windlass::scheduler::test
