#include "api/monitoring/change_points.h"

#include <gtest/gtest.h>

#include <random>

namespace windlass::api {
namespace {

using Points = std::vector<std::size_t>;

std::vector<double> levels(const std::vector<std::pair<std::size_t, double>>& parts, double noise = 0) {
    std::mt19937 random(5);
    std::normal_distribution<double> normal(0, 1);
    std::vector<double> values;
    for (const auto& [count, level] : parts)
        for (std::size_t i = 0; i < count; ++i) values.push_back(level + noise * normal(random));
    return values;
}

TEST(ChangePoints, nothing_changes_in_what_is_level) {
    EXPECT_EQ(change_points({}), Points{});
    EXPECT_EQ(change_points(levels({{3, 1.0}})), Points{});
    EXPECT_EQ(change_points(levels({{300, 7.5}})), Points{});
    EXPECT_EQ(change_points(levels({{300, 7.5}}, 2.0)), Points{});
    EXPECT_EQ(change_points(levels({{300, 1e18}}, 1e15)), Points{});
}

TEST(ChangePoints, steps_are_found_where_they_are) {
    EXPECT_EQ(change_points(levels({{50, 0}, {50, 10}})), Points{50});
    EXPECT_EQ(change_points(levels({{40, 1}, {60, 8}, {100, 3}})), (Points{40, 100}));
    EXPECT_EQ(change_points(levels({{3, 0}, {3, 1}})), Points{3});
    EXPECT_EQ(change_points(levels({{40, 1e12}, {60, 8e12}})), Points{40});
}

TEST(ChangePoints, steps_in_noise_are_found_nearby) {
    const auto found = change_points(levels({{60, 4}, {80, 16}, {60, 9}}, 1.0));
    ASSERT_EQ(found.size(), 2U);
    EXPECT_NEAR(static_cast<double>(found[0]), 60, 2);
    EXPECT_NEAR(static_cast<double>(found[1]), 140, 2);
}

TEST(ChangePoints, one_outlier_is_no_new_level) {
    auto values = levels({{100, 5}}, 0.5);
    values[50] += 1.5;  // three times the noise
    EXPECT_EQ(change_points(values), Points{});
}

TEST(ChangePoints, segments_are_three_values_long_at_least) {
    std::mt19937 random(6);
    for (int round = 0; round < 40; ++round) {
        std::vector<std::pair<std::size_t, double>> parts;
        for (std::size_t n = 1 + random() % 5; n > 0; --n) parts.emplace_back(3 + random() % 30, random() % 20);
        auto values = levels(parts, 0.2 * (round % 5));
        const auto found = change_points(values);
        std::size_t before = 0;
        for (const std::size_t at : found) {
            EXPECT_GE(at - before, 3U);
            before = at;
        }
        if (!found.empty()) {
            EXPECT_LE(before + 3, values.size());
        }
    }
}

}  // namespace
}  // namespace windlass::api
