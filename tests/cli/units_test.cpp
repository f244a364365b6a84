#include "cli/units.h"

#include <gtest/gtest.h>

namespace windlass::cli {
namespace {

std::int64_t bytes(const char* text) {
    const auto value = parse_bytes(text);
    return value ? *value : -1;
}

double seconds(const char* text) {
    const auto value = parse_seconds(text);
    return value ? *value : -1;
}

TEST(Units, sizes_are_bytes_or_numbers_with_a_unit) {
    EXPECT_EQ(bytes("4096"), 4096);
    EXPECT_EQ(bytes("512K"), 512 * 1024);
    EXPECT_EQ(bytes("1.5G"), 3LL << 29);
    EXPECT_EQ(bytes("2GiB"), 2LL << 30);
    EXPECT_EQ(bytes("2GB"), 2'000'000'000);
    for (const char* none : {"", "x", "-1", "0", "1X", "1 G", "G", "1e99", "nan", "1GiBs"})
        EXPECT_EQ(bytes(none), -1) << none;
}

TEST(Units, durations_are_seconds_or_numbers_with_units) {
    EXPECT_DOUBLE_EQ(seconds("90"), 90);
    EXPECT_DOUBLE_EQ(seconds("1.5"), 1.5);
    EXPECT_DOUBLE_EQ(seconds("90s"), 90);
    EXPECT_DOUBLE_EQ(seconds("1h30m"), 5400);
    EXPECT_DOUBLE_EQ(seconds("2d"), 172800);
    EXPECT_DOUBLE_EQ(seconds("250ms"), 0.25);
    for (const char* none : {"", "x", "-1", "0", "1y", "h", "1h30", "30m1", "1 h", "inf"})
        EXPECT_EQ(seconds(none), -1) << none;
}

}  // namespace
}  // namespace windlass::cli
