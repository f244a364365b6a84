// When what one attempt prints is sent: at once as long as it prints now and then, gathered while it prints on and on.
// A burst of `burst` sends is free, 2 ms apart at least; on average it is one send in 100 ms (GCRA, the leaky bucket as
// a meter, ITU-T I.371 annex A). A full chunk needs no pace: it is sent whenever it is full. Pure.
#pragma once

#include <algorithm>

#include "shared/time.h"

namespace windlass::worker {

class OutputPace {
  public:
    static constexpr Milliseconds apart{2};
    static constexpr Milliseconds on_average{100};
    static constexpr int burst = 10;

    // The moment, `now` or later, at which bytes that are there now may be sent.
    SteadyTime due(SteadyTime now) const { return std::max({now, last_ + apart, account_ - (burst - 1) * on_average}); }
    void sent(SteadyTime now) {
        last_ = now;
        account_ = std::max(account_, now) + on_average;
    }

  private:
    // Long ago, and still far enough from the end of the scale to be added to.
    SteadyTime last_{SteadyTime::duration::min() / 2};
    SteadyTime account_{SteadyTime::duration::min() / 2};
};

}  // namespace windlass::worker
