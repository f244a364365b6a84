// Numbers from a seed, the same on every machine and with every standard library: a failing seed must fail everywhere.
// The generator is SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).
#pragma once

#include <cmath>
#include <cstdint>

#include "shared/time.h"

namespace windlass::simulation {

class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        return z ^ (z >> 31);
    }
    double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
    bool chance(double p) { return unit() < p; }
    // Both ends included.
    std::int64_t between(std::int64_t low, std::int64_t high) {
        return low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
    }
    Microseconds time(Microseconds low, Microseconds high) { return Microseconds{between(low.count(), high.count())}; }
    // Short mostly, long now and then: as many short as long ones on a logarithmic scale.
    Microseconds skewed_time(Microseconds low, Microseconds high) {
        const double from = std::log(static_cast<double>(low.count()));
        const double to = std::log(static_cast<double>(high.count()));
        return Microseconds{static_cast<std::int64_t>(std::exp(from + (to - from) * unit()))};
    }
    // Of a fault that comes on average every `mean`.
    Microseconds until_next(Microseconds mean) {
        return Microseconds{static_cast<std::int64_t>(-std::log(1.0 - unit()) * static_cast<double>(mean.count()))};
    }

  private:
    std::uint64_t state_;
};

}  // namespace windlass::simulation
