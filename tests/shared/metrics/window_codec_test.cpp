#include "shared/metrics/window_codec.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

namespace windlass::metrics {
namespace {

bool same_bits(double a, double b) {
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

void expect_round_trip(const std::vector<Point>& points) {
    const auto back = unpack_points(pack(std::span<const Point>(points)));
    ASSERT_TRUE(back) << back.error().message;
    ASSERT_EQ(back->size(), points.size());
    for (std::size_t i = 0; i < points.size(); ++i) {
        EXPECT_EQ((*back)[i].at_ms, points[i].at_ms) << "point " << i;
        EXPECT_TRUE(same_bits((*back)[i].value, points[i].value)) << "point " << i;
    }
}

TEST(WindowCodec, gives_back_what_it_was_given) {
    expect_round_trip({});
    expect_round_trip({{1'700'000'000'000, 42.5}});
    expect_round_trip(
        {{0, -0.0}, {1, 0.0}, {30'001, std::numeric_limits<double>::infinity()}, {30'002, std::nan("7")}});
    expect_round_trip(
        {{std::numeric_limits<std::int64_t>::min(), 1}, {0, 2}, {std::numeric_limits<std::int64_t>::max(), 3}});
}

TEST(WindowCodec, gives_back_any_points_bit_by_bit) {
    std::mt19937_64 random(7);
    for (int round = 0; round < 300; ++round) {
        std::vector<Point> points;
        std::int64_t at = static_cast<std::int64_t>(random() % 4'000'000'000'000);
        const int steadiness = static_cast<int>(random() % 4);
        double value = 0;
        for (std::size_t i = random() % 400; i > 0; --i) {
            at += 1 + static_cast<std::int64_t>(random() >> (24 + random() % 40)) %
                          (std::int64_t{1} << (10 * steadiness + 1));
            switch (random() % 4) {
                case 0:
                    value = std::bit_cast<double>(random());
                    break;
                case 1:
                    value = static_cast<double>(random() % 1000);
                    break;
                case 2:
                    value += 0.25;
                    break;
                default:
                    break;
            }
            points.push_back({at, value});
        }
        expect_round_trip(points);
    }
}

TEST(WindowCodec, gives_back_stretches_bit_by_bit) {
    std::mt19937_64 random(8);
    std::vector<Stretch> stretches;
    for (std::int64_t i = 0; i < 288; ++i) {
        const double mean = std::bit_cast<double>(random());
        stretches.push_back({1'700'000'000'000 + i * 300'000, mean, mean - 1, mean + 1, 10});
    }
    const auto back = unpack_stretches(pack(std::span<const Stretch>(stretches)));
    ASSERT_TRUE(back);
    ASSERT_EQ(back->size(), stretches.size());
    for (std::size_t i = 0; i < stretches.size(); ++i) {
        EXPECT_EQ((*back)[i].at_ms, stretches[i].at_ms);
        EXPECT_TRUE(same_bits((*back)[i].mean, stretches[i].mean));
        EXPECT_TRUE(same_bits((*back)[i].min, stretches[i].min));
        EXPECT_TRUE(same_bits((*back)[i].max, stretches[i].max));
        EXPECT_EQ((*back)[i].count, 10);
    }
}

TEST(WindowCodec, steady_points_take_few_bytes) {
    std::vector<Point> points;
    for (std::int64_t i = 0; i < 120; ++i) points.push_back({1'700'000'000'000 + i * 30'000, i % 10 == 0 ? 4.0 : 3.0});
    // 16 for the first, then two bits for most.
    EXPECT_LT(pack(std::span<const Point>(points)).size(), 100U);
}

TEST(WindowCodec, refuses_bytes_that_it_did_not_make) {
    const std::vector<Point> points{{1'000, 1}, {2'000, 2}, {3'000, 2}};
    const std::string good = pack(std::span<const Point>(points));
    EXPECT_FALSE(unpack_points(""));
    EXPECT_FALSE(unpack_points("\x03"));
    EXPECT_FALSE(unpack_stretches(good));
    EXPECT_FALSE(unpack_points(good + '\0'));
    for (std::size_t length = 0; length < good.size(); ++length)
        EXPECT_FALSE(unpack_points(good.substr(0, length))) << length << " bytes";
    // A count far beyond the bytes is not made room for.
    EXPECT_FALSE(unpack_points(std::string("\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", 9)));
}

TEST(WindowCodec, times_that_do_not_ascend_are_damage) {
    const std::vector<Point> points{{1'000, 1}, {1'001, 1}};
    std::string bytes = pack(std::span<const Point>(points));
    // The second row: 10, then the seven bits of the difference 1, of which the lowest is cleared.
    bytes[2 + 16] = static_cast<char>(bytes[2 + 16] & ~0x01);
    bytes[2 + 17] = static_cast<char>(bytes[2 + 17] & 0x7F);
    const auto back = unpack_points(bytes);
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error().kind, ErrorKind::internal);
}

TEST(WindowCodec, damaged_bytes_yield_an_error_or_points_in_order) {
    std::mt19937_64 random(9);
    std::vector<Point> points;
    for (std::int64_t i = 0; i < 60; ++i)
        points.push_back({i * 1000 + static_cast<std::int64_t>(random() % 20), 1.5 * static_cast<double>(i)});
    const std::string good = pack(std::span<const Point>(points));
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes = good;
        for (std::size_t flips = 1 + random() % 8; flips > 0; --flips)
            bytes[random() % bytes.size()] = static_cast<char>(random());
        if (round % 3 == 0) bytes.resize(random() % (bytes.size() + 1));
        const auto back = unpack_points(bytes);
        if (!back) continue;
        ASSERT_LE(back->size(), bytes.size() * 4);
        for (std::size_t i = 1; i < back->size(); ++i) ASSERT_LT((*back)[i - 1].at_ms, (*back)[i].at_ms);
    }
}

}  // namespace
}  // namespace windlass::metrics
