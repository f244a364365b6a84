#include "cli/relative_time.h"

#include <gtest/gtest.h>

namespace windlass::cli {
namespace {

TEST(RelativeTime, says_how_long_ago_something_was) {
    const WallTime now = *server_time("2026-11-22T12:00:00Z");
    const auto said = [&](const char* at) { return relative_time(*server_time(at), now); };
    EXPECT_EQ(said("2026-11-22T12:00:00.4Z"), "now");
    EXPECT_EQ(said("2026-11-22T11:59:20Z"), "40 s ago");
    EXPECT_EQ(said("2026-11-22T11:57:00Z"), "3 min ago");
    EXPECT_EQ(said("2026-11-22T09:57:00Z"), "2 h ago");
    EXPECT_EQ(said("2026-11-02T12:00:00Z"), "20 d ago");
    EXPECT_EQ(said("2026-11-22T12:03:00.000001Z"), "in 3 min");
}

TEST(RelativeTime, reads_the_servers_times_and_no_others) {
    EXPECT_EQ(to_unix_us(*server_time("1970-01-02T00:00:01.250000Z")), 86'401'250'000);
    for (const char* none : {"", "yesterday", "2026-11-22", "2026-13-22T12:00:00Z", "2026-02-30T12:00:00Z",
                             "2026-11-22T25:00:00Z", "2026-11-22T12:00:00+01:00"})
        EXPECT_FALSE(server_time(none)) << none;
}

TEST(RelativeTime, durations_have_the_two_units_that_matter) {
    EXPECT_EQ(duration_text(Milliseconds{850}), "850 ms");
    EXPECT_EQ(duration_text(Milliseconds{12'900}), "12 s");
    EXPECT_EQ(duration_text(Milliseconds{200'000}), "3 min 20 s");
    EXPECT_EQ(duration_text(Milliseconds{180'000}), "3 min");
    EXPECT_EQ(duration_text(Milliseconds{7'500'000}), "2 h 5 min");
    EXPECT_EQ(duration_text(Milliseconds{273'600'000}), "3 d 4 h");
    EXPECT_EQ(duration_text(Milliseconds{-5}), "0 ms");
}

TEST(RelativeTime, sizes_are_in_powers_of_1024) {
    EXPECT_EQ(bytes_text(512), "512 B");
    EXPECT_EQ(bytes_text(1536), "1.5 KiB");
    EXPECT_EQ(bytes_text(2LL << 30), "2.0 GiB");
}

}  // namespace
}  // namespace windlass::cli
