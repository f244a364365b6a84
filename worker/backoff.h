// How long to wait before dialling again: 50 ms, doubled each time up to 2 s, less a random part, so that the workers
// of a site do not all come back in the same moment. Pure: randomness comes in as an argument.
#pragma once

#include <algorithm>

#include "shared/time.h"

namespace windlass::worker {

class Backoff {
  public:
    static constexpr Milliseconds first{50};
    static constexpr Milliseconds longest{2000};

    // `random` in [0, 1). The wait is between half of the current step and all of it.
    Milliseconds next(double random) {
        const double step = static_cast<double>(step_.count());
        step_ = std::min(step_ * 2, longest);
        return Milliseconds{static_cast<Milliseconds::rep>(step * (0.5 + 0.5 * random))};
    }
    void reset() { step_ = first; }

  private:
    Milliseconds step_ = first;
};

}  // namespace windlass::worker
