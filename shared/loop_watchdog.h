// The manager's watchdog, fed by a libuv loop: a loop that stands still feeds nothing, and its daemon is started again.
// Does not keep the loop alive. Belongs to the loop's thread; destroyed before the loop's last turn.
#pragma once

#include <uv.h>

#include "shared/loop_timer.h"
#include "shared/notify.h"

namespace windlass {

class LoopWatchdog {
  public:
    explicit LoopWatchdog(uv_loop_t* loop) : timer_(loop, [] { notify_alive(); }) {
        timer_.unref();
        if (const auto period = watchdog_period()) timer_.repeat(Milliseconds{0}, *period);
    }

  private:
    LoopTimer timer_;
};

}  // namespace windlass
