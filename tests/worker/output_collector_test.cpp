#include "worker/output_collector.h"

#include <gtest/gtest.h>

namespace windlass::worker {
namespace {

constexpr std::int64_t chunk = OutputCollector::chunk_bytes;

TEST(OutputCollector, keeps_the_first_bytes_and_says_that_there_was_more) {
    OutputCollector output(5);
    output.add("abc");
    EXPECT_FALSE(output.truncated());
    output.add("defg");
    EXPECT_EQ(output.tail(), "abcde");
    EXPECT_TRUE(output.truncated());
    output.add("h");
    EXPECT_EQ(output.kept_bytes(), 5);
}

TEST(OutputCollector, exactly_the_limit_is_not_truncated) {
    OutputCollector output(5);
    output.add("abcde");
    EXPECT_FALSE(output.truncated());
}

TEST(OutputCollector, sixteen_times_the_limit_is_a_flood) {
    OutputCollector output(10'000);
    output.add(std::string(159'999, 'x'));
    EXPECT_FALSE(output.flooded());
    output.add("x");
    EXPECT_TRUE(output.flooded());
}

TEST(OutputCollector, a_limit_of_zero_keeps_nothing_and_forgives_what_a_pipe_holds) {
    OutputCollector output(0);
    output.add(std::string(65'535, 'x'));
    EXPECT_EQ(output.kept_bytes(), 0);
    EXPECT_FALSE(output.flooded());
    output.add("x");
    EXPECT_TRUE(output.flooded());
}

TEST(OutputCollector, without_a_cut_everything_is_the_tail) {
    OutputCollector output(100);
    output.add("short");
    EXPECT_FALSE(output.next_unsent().has_value());
    EXPECT_EQ(output.tail_offset(), 0);
    EXPECT_EQ(output.tail(), "short");
}

TEST(OutputCollector, a_cut_makes_chunks_and_the_tail_begins_after_them) {
    OutputCollector output(1 << 20);
    output.add("one");
    output.cut();
    output.add("two");
    const auto first = output.next_unsent();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->offset, 0);
    EXPECT_EQ(first->bytes, "one");
    EXPECT_FALSE(output.next_unsent().has_value());
    EXPECT_EQ(output.tail_offset(), 3);
    EXPECT_EQ(output.tail(), "two");
}

TEST(OutputCollector, no_chunk_is_larger_than_a_chunk) {
    OutputCollector output(10 * chunk);
    output.add(std::string(static_cast<std::size_t>(2 * chunk + 1), 'x'));
    output.cut();
    ASSERT_EQ(output.chunk_count(), 3u);
    EXPECT_EQ(output.chunk(1).offset, chunk);
    EXPECT_EQ(output.chunk(2).bytes.size(), 1u);
}

TEST(OutputCollector, after_a_reconnect_the_same_chunks_come_again_with_the_same_boundaries) {
    OutputCollector output(1 << 20);
    output.add("one");
    output.cut();
    output.add("two");
    output.cut();
    while (output.next_unsent()) {
    }
    output.connection_lost();
    output.add("three");
    output.cut();
    EXPECT_EQ(output.next_unsent()->bytes, "one");
    EXPECT_EQ(output.next_unsent()->bytes, "two");
    EXPECT_EQ(output.next_unsent()->bytes, "three");
    EXPECT_FALSE(output.next_unsent().has_value());
}

TEST(OutputCollector, the_last_cut_leaves_a_tail_of_at_most_one_chunk) {
    OutputCollector output(10 * chunk);
    output.add(std::string(static_cast<std::size_t>(3 * chunk), 'x'));
    EXPECT_EQ(output.chunk_count(), 2u);
    EXPECT_EQ(output.tail().size(), static_cast<std::size_t>(chunk));
}

}  // namespace
}  // namespace windlass::worker
