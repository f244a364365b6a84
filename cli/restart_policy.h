// When a daemon that died is started again, and when that is given up. Pure: time comes in from outside.
#pragma once

#include <deque>
#include <optional>

#include "shared/time.h"

namespace windlass::cli {

class RestartPolicy {
  public:
    // The pause before the next start: short after the first death, doubling while deaths follow each other within a
    // minute. Nothing when there were more than 10 deaths in the last minute.
    std::optional<Milliseconds> after_death(SteadyTime now);

  private:
    std::deque<SteadyTime> deaths_;  // of the last minute
};

}  // namespace windlass::cli
