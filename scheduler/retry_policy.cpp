#include "scheduler/retry_policy.h"

#include <algorithm>

#include "shared/guard.h"

namespace windlass::scheduler {

namespace {

// The finalizer of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014):
// spreads neighbouring numbers over the whole range.
std::uint64_t mix(std::uint64_t x) {
    x += 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

template <class Values>
bool contains(const Values& values, std::int32_t value) {
    return std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

bool is_tried_again_after(const AttemptFinished& event, const std::optional<RetryOn>& rule) {
    if (!rule || !WINDLASS_GUARD(retry_on)) return true;
    switch (event.outcome) {
        case OutcomeKind::exited:
            return contains(rule->exit_codes, event.exit_code);
        case OutcomeKind::signalled:
            return contains(rule->signals, event.signal);
        case OutcomeKind::out_of_time:
            return rule->timeout;
        default:
            return false;
    }
}

Microseconds retry_pause(Milliseconds delay, Milliseconds longest, int n, const AttemptRef& attempt) {
    std::int64_t pause = std::min(delay, longest).count();
    for (int i = 1; i < n && pause > 0 && pause < longest.count(); ++i) pause *= 2;
    pause = std::min(pause, longest.count());
    if (pause <= 0 || !WINDLASS_GUARD(backoff)) return Microseconds{0};
    const Microseconds full = Milliseconds{pause};
    const std::uint64_t hash =
        mix(static_cast<std::uint64_t>(attempt.job.value) ^ mix(static_cast<std::uint64_t>(attempt.attempt)));
    // In 1024ths: large enough a choice, and no overflow.
    return full - Microseconds{full.count() / 2048 * static_cast<std::int64_t>(hash % 1025)};
}

}  // namespace windlass::scheduler
