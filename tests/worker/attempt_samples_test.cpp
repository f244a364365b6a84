#include "worker/attempt_samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace windlass::worker {
namespace {

const WallTime noon = from_unix_us(1'700'000'000'000'000);

Now at(int ms) {
    return {SteadyTime{Milliseconds{ms}}, noon + Milliseconds{ms}};
}
SteadyTime steady(int ms) {
    return at(ms).steady;
}
BoxUse use(int cpu_ms, std::int64_t memory, std::int64_t processes, std::int64_t read, std::int64_t written) {
    return {Microseconds{cpu_ms * 1000}, memory, processes, read, written};
}
// By measurement; each at most once.
std::map<std::string, double> values(std::vector<protocol::AttemptSample> samples) {
    std::map<std::string, double> all;
    for (const auto& sample : samples) EXPECT_TRUE(all.emplace(sample.measurement, sample.value).second);
    return all;
}

TEST(AttemptSamples, are_taken_at_the_start_a_second_later_and_at_every_interval) {
    AttemptSamples samples(Seconds{30}, steady(500));
    EXPECT_EQ(samples.next(), steady(500));
    samples.take(use(0, 1, 1, 0, 0), at(501));
    EXPECT_EQ(samples.next(), steady(1'500));
    samples.take(use(1, 1, 1, 0, 0), at(1'502));
    EXPECT_EQ(samples.next(), steady(30'500));
    samples.take(use(1, 1, 1, 0, 0), at(75'000));  // late: what was missed is not made up for
    EXPECT_EQ(samples.next(), steady(90'500));
}

TEST(AttemptSamples, at_an_interval_of_a_second_come_every_second) {
    AttemptSamples samples(Seconds{1}, steady(0));
    samples.take(use(0, 1, 1, 0, 0), at(0));
    EXPECT_EQ(samples.next(), steady(1'000));
    samples.take(use(0, 1, 1, 0, 0), at(1'000));
    EXPECT_EQ(samples.next(), steady(2'000));
}

TEST(AttemptSamples, rates_are_means_since_the_look_before) {
    AttemptSamples samples(Seconds{30}, steady(0));
    samples.take(use(1, 10, 1, 4096, 0), at(1));
    const auto first = values(samples.flush());
    EXPECT_EQ(first.at("cpu_used"), 0);  // a millisecond says nothing yet
    EXPECT_EQ(first.at("mem_used"), 10);
    samples.take(use(500, 20, 3, 4096, 1'000'000), at(1'000));
    const auto second = values(samples.flush());
    EXPECT_DOUBLE_EQ(second.at("cpu_used"), 0.5);
    EXPECT_DOUBLE_EQ(second.at("io_read"), 4096);
    EXPECT_DOUBLE_EQ(second.at("io_write"), 1'000'000);
    EXPECT_EQ(second.at("mem_used"), 20);
    EXPECT_EQ(second.at("processes"), 3);
    samples.take(use(4'500, 20, 3, 4096, 500'000), at(3'000));
    const auto third = values(samples.flush());
    EXPECT_DOUBLE_EQ(third.at("cpu_used"), 2);
    EXPECT_EQ(third.at("io_write"), 0) << "a count that falls is no negative rate";
}

TEST(AttemptSamples, what_nobody_counts_is_left_out) {
    AttemptSamples samples(Seconds{30}, steady(0));
    samples.take({}, at(1'000));
    EXPECT_TRUE(samples.flush().empty());
}

TEST(AttemptSamples, a_short_job_has_a_first_and_a_last_one) {
    AttemptSamples samples(Seconds{30}, steady(0));
    samples.take(use(0, 10, 1, 0, 0), at(0));
    Usage usage;
    usage.cpu_user = Milliseconds{30};
    usage.cpu_system = Milliseconds{10};
    usage.peak_memory_bytes = 5'000;
    usage.written_bytes = 80;
    usage.peak_processes = 2;
    samples.ended(usage, at(40));
    const auto all = samples.flush();
    ASSERT_EQ(all.size(), 10u);
    EXPECT_EQ(all[0].at, noon);
    EXPECT_EQ(all[5].at, noon + Milliseconds{40});
    const auto last = values({all.begin() + 5, all.end()});
    EXPECT_DOUBLE_EQ(last.at("cpu_used"), 1);
    EXPECT_EQ(last.at("mem_used"), 5'000);
    EXPECT_DOUBLE_EQ(last.at("io_write"), 2'000);
    EXPECT_EQ(last.at("processes"), 2);
}

TEST(AttemptSamples, the_last_one_right_after_a_look_tells_of_the_whole_run) {
    AttemptSamples samples(Seconds{1}, steady(0));
    samples.take(use(0, 10, 1, 0, 0), at(0));
    samples.take(use(1'000, 10, 1, 0, 0), at(1'000));
    samples.flush();
    Usage usage;
    usage.cpu_user = Milliseconds{1'001};
    samples.ended(usage, at(1'001));
    EXPECT_NEAR(values(samples.flush()).at("cpu_used"), 1.0, 1e-9);
}

TEST(AttemptSamples, of_an_attempt_that_was_never_looked_at_there_is_none) {
    AttemptSamples samples(Seconds{30}, steady(0));
    samples.put_off();
    EXPECT_EQ(samples.next(), steady(1'000));
    samples.ended({}, at(500));
    EXPECT_TRUE(samples.flush().empty());
}

TEST(AttemptSamples, that_nobody_takes_are_bounded_and_no_number_that_is_none_is_among_them) {
    AttemptSamples samples(Seconds{30}, steady(0));
    for (int i = 0; i < 10'000; ++i) samples.add({noon, "user.x", "", "", static_cast<double>(i)});
    samples.add({noon, "user.x", "", "", 0.0 / 0.0 * 0});
    const auto kept = samples.flush();
    EXPECT_LE(kept.size(), AttemptSamples::most_kept);
    EXPECT_EQ(kept.back().value, 9'999);
}

TEST(SampleAllowance, lets_some_through_at_once_and_then_so_many_a_second) {
    SampleAllowance allowance(2, 3);
    int taken = 0;
    for (int i = 0; i < 10; ++i) taken += allowance.take(steady(0)) ? 1 : 0;
    EXPECT_EQ(taken, 3);
    EXPECT_FALSE(allowance.take(steady(499)));
    EXPECT_TRUE(allowance.take(steady(500)));
    EXPECT_FALSE(allowance.take(steady(501)));
}

}  // namespace
}  // namespace windlass::worker
