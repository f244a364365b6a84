// Time comes in from outside: nothing in the pure parts asks a clock.
#pragma once

#include <chrono>
#include <cstdint>

namespace windlass {

using Microseconds = std::chrono::microseconds;
using Milliseconds = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

// Wall-clock time, UTC. What people and tables see. May step.
using WallTime = std::chrono::sys_time<Microseconds>;
// Never steps. What leases and deadlines are counted in. Its zero means nothing outside one process.
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, Microseconds>;

struct Now {
    SteadyTime steady{};
    WallTime wall{};
};

inline std::int64_t to_unix_us(WallTime t) {
    return t.time_since_epoch().count();
}
inline WallTime from_unix_us(std::int64_t us) {
    return WallTime{Microseconds{us}};
}

// The only place that reads the clocks of the machine. Tests hand in a Now of their own.
class Clock {
  public:
    virtual ~Clock() = default;
    virtual Now now() const = 0;
};

class SystemClock final : public Clock {
  public:
    Now now() const override {
        return {std::chrono::time_point_cast<Microseconds>(std::chrono::steady_clock::now()),
                std::chrono::time_point_cast<Microseconds>(std::chrono::system_clock::now())};
    }
};

}  // namespace windlass
