#include "worker/attempt_samples.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace windlass::worker {
namespace {

constexpr Milliseconds second_look{1'000};
// A mean over less than this tells more of the clock tick than of the job.
constexpr Milliseconds shortest_mean{10};

std::optional<std::int64_t> count(std::optional<Microseconds> time) {
    return time ? std::optional(time->count()) : std::nullopt;
}

}  // namespace

AttemptSamples::AttemptSamples(Milliseconds interval, SteadyTime started)
    : interval_(interval), started_(started), next_(started), base_at_(started) {}

void AttemptSamples::put_off() {
    next_ = started_ + std::min(interval_, second_look);
}

std::optional<double> AttemptSamples::per_second(std::optional<std::int64_t> now, std::optional<std::int64_t> before,
                                                 Microseconds passed) {
    if (!now || !before) return std::nullopt;
    if (passed < shortest_mean) return 0.0;
    // It may seem to fall: processes end and take their counts with them where no cgroup keeps those.
    return std::max(static_cast<double>(*now - *before), 0.0) * 1e6 / static_cast<double>(passed.count());
}

void AttemptSamples::take(const BoxUse& use, Now now) {
    looked_ = true;
    const Microseconds passed = now.steady - base_at_;
    put("cpu_used", now.wall, per_second(count(use.cpu), count(base_.cpu), passed), 1e-6);
    put("mem_used", now.wall, use.memory_bytes);
    put("io_read", now.wall, per_second(use.read_bytes, base_.read_bytes, passed));
    put("io_write", now.wall, per_second(use.written_bytes, base_.written_bytes, passed));
    put("processes", now.wall, use.processes);
    if (passed >= shortest_mean) {
        base_at_ = now.steady;
        base_ = use;
    }
    const Microseconds age = now.steady - started_;
    if (age < second_look)
        put_off();
    else
        next_ = started_ + (age / interval_ + 1) * interval_;
}

void AttemptSamples::ended(const Usage& usage, Now now) {
    if (!looked_) return;
    Microseconds passed = now.steady - base_at_;
    if (passed < shortest_mean && base_at_ != started_) {  // then the mean of the whole run
        passed = now.steady - started_;
        base_ = {Microseconds{0}, std::nullopt, std::nullopt, 0, 0};
    }
    passed = std::max<Microseconds>(passed, Microseconds{1});
    const auto mean = [&](std::int64_t whole, std::optional<std::int64_t> before) {
        const auto since = static_cast<double>(std::max<std::int64_t>(whole - before.value_or(0), 0));
        return since * 1e6 / static_cast<double>(passed.count());
    };
    put("cpu_used", now.wall, mean((usage.cpu_user + usage.cpu_system).count(), count(base_.cpu)), 1e-6);
    if (usage.peak_memory_bytes > 0) put("mem_used", now.wall, usage.peak_memory_bytes);
    put("io_read", now.wall, mean(usage.read_bytes, base_.read_bytes));
    put("io_write", now.wall, mean(usage.written_bytes, base_.written_bytes));
    if (usage.peak_processes > 0) put("processes", now.wall, usage.peak_processes);
}

void AttemptSamples::add(protocol::AttemptSample sample) {
    if (!std::isfinite(sample.value)) return;
    if (samples_.size() >= most_kept) samples_.erase(samples_.begin(), samples_.begin() + most_kept / 4);
    samples_.push_back(std::move(sample));
}

std::vector<protocol::AttemptSample> AttemptSamples::flush() {
    return std::exchange(samples_, {});
}

void AttemptSamples::put(const char* measurement, WallTime at, std::optional<double> value, double unit) {
    if (value) add({at, measurement, "", "", *value * unit});
}

bool SampleAllowance::take(SteadyTime now) {
    if (at_) left_ += per_second_ * static_cast<double>(std::max(now - *at_, Microseconds{0}).count()) / 1e6;
    left_ = std::min(left_, at_once_);
    at_ = now;
    if (left_ < 1) return false;
    left_ -= 1;
    return true;
}

}  // namespace windlass::worker
