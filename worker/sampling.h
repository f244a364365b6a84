// Measures what the running attempts use, and says it to the scheduler: best effort, beside everything else. What is
// looked at, and when, is in attempt_samples.h; the numbers that programs report of themselves in metrics_file.h.
//
// Knows no loop: its owner calls it when a moment has come. One thread; the tool for GPUs runs in the background.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "shared/figures.h"
#include "shared/wire/connection.h"
#include "worker/attempt_samples.h"
#include "worker/background.h"
#include "worker/gpu_tool.h"
#include "worker/metrics_file.h"
#include "worker/sandbox/sandbox.h"

namespace windlass::worker {

struct SamplingSettings {
    Milliseconds interval{30'000};  // 0: nothing is measured
    std::string gpu_tool;  // a path; empty: none
    // Of first looks at attempts: so many a second, so many at once.
    double starts_per_s = 20;
    double starts_at_once = 40;
};

class Sampling {
  public:
    // `sandbox` and `clock` must outlive this, and this what it gives to `background`.
    Sampling(SamplingSettings settings, Sandbox& sandbox, Background background, const Clock& clock);

    void started(AttemptRef attempt, BoxId box, SteadyTime at);
    // Before the end of the attempt is reported. `work_directory`: what its box left; -1: nothing.
    void ended(AttemptRef attempt, const Usage& usage, int work_directory);
    // No right to it any more: nothing is said of it.
    void forget(AttemptRef attempt);

    void connected(wire::Connection& connection) { connection_ = &connection; }
    void disconnected() { connection_ = nullptr; }

    void on_time(SteadyTime now);
    std::optional<SteadyTime> next() const;

    void add_figures(figures::Families& families) const;

  private:
    struct Running {
        BoxId box = 0;
        AttemptSamples samples;
        WallTime started{};
        MetricsFile file;
    };

    void look(AttemptRef attempt, Running& running, SteadyTime now);
    void read_file(Running& running, int directory, WallTime now, bool last);
    void send(AttemptRef attempt, Running& running);
    void ask_gpus(SteadyTime now);
    void gpus_answered(const Result<GpuReading>& reading);

    const SamplingSettings settings_;
    Sandbox& sandbox_;
    const Background background_;
    const Clock& clock_;
    wire::Connection* connection_ = nullptr;
    SampleAllowance allowance_;
    std::unordered_map<AttemptRef, Running> running_;
    std::set<std::pair<SteadyTime, AttemptRef>> due_;
    std::optional<SteadyTime> gpus_at_;  // when the tool is asked next; none: nothing runs, or it is not asked any more
    bool asking_gpus_ = false;
    int gpu_failures_ = 0;  // in a row
    std::int64_t looks_ = 0;
    std::int64_t samples_sent_ = 0;
    std::int64_t lines_passed_over_ = 0;
    Microseconds spent_{};
};

}  // namespace windlass::worker
