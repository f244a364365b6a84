#include "api/monitoring/sample_intervals.h"

#include <gtest/gtest.h>

namespace windlass::api {
namespace {

using List = std::vector<std::int64_t>;

TEST(SampleIntervals, a_short_job_is_shown_as_it_was_measured) {
    EXPECT_EQ(sample_intervals(600, 30).best_s, 30);
    EXPECT_EQ(sample_intervals(600, 30).all_s, (List{30}));
    EXPECT_EQ(sample_intervals(0, 30).best_s, 30);
    EXPECT_EQ(sample_intervals(6'000, 30).best_s, 30);
}

TEST(SampleIntervals, a_long_job_has_about_two_hundred_values) {
    EXPECT_EQ(sample_intervals(6'001, 30).best_s, 60);
    EXPECT_EQ(sample_intervals(3 * 3'600, 30).best_s, 60);
    EXPECT_EQ(sample_intervals(24'000, 30).all_s, (List{30, 60, 120}));
    EXPECT_EQ(sample_intervals(100 * 3'600, 30).best_s, 1'800);
    EXPECT_EQ(sample_intervals(100 * 3'600, 30).all_s, (List{30, 60, 120, 300, 600, 1'800}));
}

TEST(SampleIntervals, of_two_equally_near_ones_the_shorter) {
    EXPECT_EQ(sample_intervals(18'000, 30).best_s, 60);       // 90
    EXPECT_EQ(sample_intervals(24 * 3'600, 30).best_s, 300);  // 450
}

TEST(SampleIntervals, the_metrics_own_interval_is_among_them) {
    EXPECT_EQ(sample_intervals(100, 1).all_s, (List{1}));
    EXPECT_EQ(sample_intervals(3'600, 1).all_s, (List{1, 30}));  // 18
    EXPECT_EQ(sample_intervals(1'000, 45).all_s, (List{30, 45}));
    EXPECT_EQ(sample_intervals(1'000, 7'200).all_s, (List{30, 60, 120, 300, 600, 1'800, 7'200}));
}

}  // namespace
}  // namespace windlass::api
