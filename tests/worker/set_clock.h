// A clock that stands still until the test moves it.
#pragma once

#include "shared/time.h"

namespace windlass::worker::testing {

class SetClock final : public Clock {
  public:
    Now now() const override { return {SteadyTime{passed}, WallTime{Seconds{1'800'000'000}} + passed}; }
    Microseconds passed{Seconds{100}};
};

}  // namespace windlass::worker::testing
