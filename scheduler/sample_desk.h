// What workers measure of running attempts, on its way into the metric store. Beside the queue, which never hears of
// it, and beside its commits: once a second, in a transaction of its own, when the database is well. Best effort: what
// does not fit the bounds, or cannot be written, is dropped and counted.
//
// Everything belongs to the loop's thread.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler/turns.h"
#include "shared/figures.h"
#include "shared/loop_timer.h"
#include "shared/metrics/metric_point.h"
#include "shared/protocol.h"

namespace windlass::scheduler {

class SampleDesk {
  public:
    static constexpr std::size_t most_waiting = 100'000;  // points
    static constexpr std::size_t most_at_once = 10'000;   // in one transaction
    // Of one worker: so many points a second, and some more at once.
    static constexpr double points_per_s = 2'000;
    static constexpr double points_at_once = 20'000;
    // The clock of a worker may be wrong; a time further away than this is taken for now.
    static constexpr Microseconds believed{std::chrono::minutes{10}};

    SampleDesk(uv_loop_t* loop, Turns& turns) : turns_(turns), timer_(loop, [this] { write(); }) { timer_.unref(); }

    // `name` of the worker: the series are its. Attempts that it does not hold are none of its business.
    void heard(WorkerId worker, const std::string& name, protocol::AttemptSampled sampled);

    void add_figures(figures::Families& families) const;

  private:
    struct Allowance {
        double left = points_at_once;
        SteadyTime at{};
    };

    bool allow(WorkerId worker, std::size_t points);
    void write();

    static constexpr Milliseconds every{1'000};

    Turns& turns_;
    LoopTimer timer_;
    std::unordered_map<WorkerId, Allowance> allowances_;
    std::vector<metrics::MetricPoint> waiting_;
    bool writing_ = false;
    bool said_ = false;  // that it fails
    std::int64_t stored_ = 0;
    std::int64_t dropped_ = 0;
};

}  // namespace windlass::scheduler
