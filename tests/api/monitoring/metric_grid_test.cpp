#include "api/monitoring/metric_grid.h"

#include <gtest/gtest.h>

namespace windlass::api {
namespace {

using metrics::Stretch;

Stretch point(std::int64_t at_s, double value) {
    return {at_s * 1000, value, value, value, 1};
}

TEST(MetricGrid, holds_both_ends_and_begins_at_a_multiple_of_the_interval) {
    const auto grid = MetricGrid::over(100, 190, 30);
    EXPECT_EQ(grid.at_s(0), 90);
    EXPECT_EQ(grid.count, 4U);
    EXPECT_EQ(grid.at_s(3), 180);
    EXPECT_EQ(MetricGrid::over(60, 60, 30).count, 1U);
    EXPECT_EQ(MetricGrid::over(60, 59, 30).count, 0U);
}

TEST(MetricGrid, points_of_one_interval_become_mean_max_min_and_sum) {
    const auto grid = MetricGrid::over(0, 119, 60);
    MetricCells cells(grid.count);
    add_points(cells, grid,
               std::vector{point(0, 2), point(30, 4), point(59, 9), point(120, 100), {60'000, 5, 1, 7, 10}});
    EXPECT_EQ(cells[0].value(AggFn::mean), 5);
    EXPECT_EQ(cells[0].value(AggFn::max), 9);
    EXPECT_EQ(cells[0].value(AggFn::min), 2);
    EXPECT_EQ(cells[0].value(AggFn::sum), 15);
    EXPECT_EQ(cells[1].value(AggFn::sum), 50) << "ten points whose mean is 5";
    EXPECT_EQ(cells[1].value(AggFn::max), 7);
    EXPECT_EQ(cells[1].value(AggFn::min), 1);
}

TEST(MetricGrid, parts_of_a_node_are_combined_by_their_function_where_they_have_values) {
    const auto grid = MetricGrid::over(0, 119, 60);
    MetricCells first(grid.count), second(grid.count);
    add_points(first, grid, std::vector{point(0, 2), point(1, 4), point(60, 7)});
    add_points(second, grid, std::vector{point(0, 10)});
    const auto by = [&](AggFn fn) {
        CombinedParts parts(fn, grid.count);
        parts.add(first);
        parts.add(second);
        return parts.take();
    };
    EXPECT_EQ(by(AggFn::sum)[0].value(AggFn::mean), 13);
    EXPECT_EQ(by(AggFn::mean)[0].value(AggFn::mean), 6.5);
    EXPECT_EQ(by(AggFn::max)[0].value(AggFn::mean), 10);
    EXPECT_EQ(by(AggFn::min)[0].value(AggFn::max), 4);
    EXPECT_EQ(by(AggFn::sum)[1].value(AggFn::mean), 7);
}

TEST(MetricGrid, quantiles_lie_between_neighbours) {
    const std::vector<double> values{1, 2, 4, 8, 16};
    EXPECT_EQ(quantile_of(values, 0.5), 4);
    EXPECT_EQ(quantile_of(values, 0.25), 2);
    EXPECT_EQ(quantile_of(values, 0.75), 8);
    EXPECT_EQ(quantile_of(values, 1), 16);
    EXPECT_EQ(quantile_of(std::vector<double>{1, 2}, 0.75), 1.75);
    EXPECT_EQ(quantile_of(std::vector<double>{3}, 0.25), 3);
}

TEST(MetricGrid, functions_are_named_in_any_case) {
    EXPECT_EQ(parse_agg_fn("mean"), AggFn::mean);
    EXPECT_EQ(parse_agg_fn("MAX"), AggFn::max);
    EXPECT_EQ(parse_agg_fn("median"), std::nullopt);
    EXPECT_EQ(parse_agg_fn(""), std::nullopt);
}

}  // namespace
}  // namespace windlass::api
