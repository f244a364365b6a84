// What is done when there is nothing better to do: finished jobs move out of the way, and what was kept long enough is
// forgotten. It comes on the heels of work, once that has been quiet for a while, and once more a minute
// later. An idle site is never woken, but where finished jobs or metrics are kept for a limited time (then once an
// hour).
//
// Everything belongs to the loop's thread.
#pragma once

#include <uv.h>

#include "scheduler/turns.h"
#include "shared/loop_timer.h"

namespace windlass::scheduler {

struct HousekeepingSettings {
    Milliseconds keep_finished{0};       // 0: for ever
    metrics::AgingSettings metrics;      // of the numbers that were measured
    Milliseconds look_every{3'600'000};  // for what was kept long enough, where nothing else gives occasion
    Milliseconds quiet_for{5'000};       // no job ended for so long
    Milliseconds look_again{60'000};     // after work, once: for what was given up meanwhile (job_discard)
    std::int64_t at_once = 2'000;        // jobs per transaction
    // So many finished jobs in the way are moved at once, quiet or not.
    std::int64_t too_many = 100'000;
    std::int64_t windows_at_once = 500;  // of metrics, per transaction
};

class Housekeeping {
  public:
    Housekeeping(uv_loop_t* loop, Turns& turns, HousekeepingSettings settings);
    Housekeeping(const Housekeeping&) = delete;
    Housekeeping& operator=(const Housekeeping&) = delete;

    void job_ended();
    // For what an earlier life left.
    void start() { job_ended(); }

  private:
    void look_later();
    void on_quiet();
    void move();
    void forget();
    void forget_expired();
    void age_metrics();
    bool failed(const Result<std::int64_t>& answer, const char* what);

    Turns& turns_;
    HousekeepingSettings settings_;
    LoopTimer timer_;
    std::int64_t finished_ = 0;  // not moved yet, as far as we know
    bool worked_ = false;        // jobs were moved since it looked the last time
    SteadyTime last_end_{};
    bool under_way_ = false;
    bool looks_later_ = false;  // the timer runs for nothing but what grows old
};

}  // namespace windlass::scheduler
