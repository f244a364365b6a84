#include "scheduler/retry_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace windlass::scheduler {
namespace {

AttemptFinished ended(OutcomeKind outcome, std::int32_t exit_code = 0, std::int32_t signal = 0) {
    AttemptFinished event;
    event.outcome = outcome;
    event.exit_code = exit_code;
    event.signal = signal;
    return event;
}

TEST(RetryPolicy, without_a_rule_every_failure_is_tried_again) {
    EXPECT_TRUE(is_tried_again_after(ended(OutcomeKind::exited, 1), std::nullopt));
    EXPECT_TRUE(is_tried_again_after(ended(OutcomeKind::out_of_memory), std::nullopt));
}

TEST(RetryPolicy, a_rule_names_exit_codes_signals_and_the_time_limit) {
    const RetryOn rule{{3, 75}, {9}, false};
    EXPECT_TRUE(is_tried_again_after(ended(OutcomeKind::exited, 75), rule));
    EXPECT_FALSE(is_tried_again_after(ended(OutcomeKind::exited, 9), rule));
    EXPECT_TRUE(is_tried_again_after(ended(OutcomeKind::signalled, 0, 9), rule));
    EXPECT_FALSE(is_tried_again_after(ended(OutcomeKind::signalled, 0, 3), rule));
    EXPECT_FALSE(is_tried_again_after(ended(OutcomeKind::out_of_time), rule));
    EXPECT_TRUE(is_tried_again_after(ended(OutcomeKind::out_of_time), RetryOn{{}, {}, true}));
    for (const OutcomeKind other : {OutcomeKind::out_of_memory, OutcomeKind::out_of_disk, OutcomeKind::output_limit})
        EXPECT_FALSE(is_tried_again_after(ended(other), RetryOn{{0}, {0}, true}));
}

TEST(RetryPolicy, the_pause_doubles_up_to_the_longest_and_the_jitter_takes_off_at_most_half) {
    constexpr Milliseconds delay{1'000};
    constexpr Milliseconds longest{300'000};
    for (int n = 1; n <= 40; ++n) {
        const std::int64_t full_ms = n >= 10 ? 300'000 : std::min<std::int64_t>(300'000, 1'000LL << (n - 1));
        for (std::int64_t job = 1; job <= 200; ++job) {
            const Microseconds pause = retry_pause(delay, longest, n, {JobId{job}, n});
            EXPECT_LE(pause, Milliseconds{full_ms});
            EXPECT_GE(pause, Milliseconds{full_ms / 2});
        }
    }
}

TEST(RetryPolicy, the_jitter_spreads_jobs_that_failed_together_and_is_the_same_every_time) {
    std::set<Microseconds> pauses;
    for (std::int64_t job = 1; job <= 1000; ++job) {
        const AttemptRef attempt{JobId{100'000'000 + job}, 1};
        const Microseconds pause = retry_pause(Milliseconds{1'000}, Milliseconds{300'000}, 1, attempt);
        EXPECT_EQ(pause, retry_pause(Milliseconds{1'000}, Milliseconds{300'000}, 1, attempt));
        pauses.insert(pause);
    }
    EXPECT_GT(pauses.size(), 400U);
    EXPECT_LT(*pauses.begin(), Milliseconds{520});
    EXPECT_GT(*pauses.rbegin(), Milliseconds{980});
}

TEST(RetryPolicy, no_delay_is_no_pause) {
    EXPECT_EQ(retry_pause(Milliseconds{0}, Milliseconds{300'000}, 7, {JobId{1}, 1}), Microseconds{0});
    EXPECT_EQ(retry_pause(Milliseconds{1'000}, Milliseconds{0}, 7, {JobId{1}, 1}), Microseconds{0});
}

}  // namespace
}  // namespace windlass::scheduler
