// Keeps limits.cpu_time of one attempt: says when to look at what it has used, so that short jobs are never looked at
// and long ones seldom. Pure.
#pragma once

#include <algorithm>
#include <optional>

#include "shared/time.h"

namespace windlass::worker {

class CpuBudget {
  public:
    // limit 0: none. `parallel`: how many processors it can use at the same time at most.
    CpuBudget(Milliseconds limit, int parallel)
        : limit_(limit),
          parallel_(std::max(parallel, 1)),
          shortest_(std::clamp<Microseconds>(limit_ / (50 * parallel_), Milliseconds{1}, Milliseconds{50})) {}

    void started(SteadyTime at) {
        if (limit_.count() > 0) check_at_ = at + limit_ / parallel_;
    }
    // It has ended, is being stopped, or nobody counts its time.
    void over() { check_at_.reset(); }
    std::optional<SteadyTime> check_at() const { return check_at_; }

    // True: reached. Otherwise the next look is when it could be, or when it could be exceeded by 2 %.
    bool reached(Microseconds used, SteadyTime now) {
        if (used >= limit_) return true;
        check_at_ = now + std::max<Microseconds>((limit_ - used) / parallel_, shortest_);
        return false;
    }

  private:
    Microseconds limit_;
    int parallel_;
    Microseconds shortest_;
    std::optional<SteadyTime> check_at_;
};

}  // namespace windlass::worker
