// What this worker offers and what of it is in use. Pure arithmetic.
#pragma once

#include <cstdint>

#include "shared/limits.h"

namespace windlass::worker {

class Slots {
  public:
    // `boxes`: how many boxes may exist at the same time, whatever they ask for.
    Slots(std::int64_t cpu_millis, std::int64_t memory_bytes, int boxes)
        : cpu_millis_(cpu_millis), memory_bytes_(memory_bytes), boxes_(boxes) {}

    // An attempt that asks for more than there is at all runs alone instead of never.
    bool fits(const Limits& limits) const {
        if (boxes_used_ == 0) return true;
        return boxes_used_ < boxes_ && cpu_used_ + limits.cpu_millis <= cpu_millis_ &&
               memory_used_ + limits.memory_bytes <= memory_bytes_;
    }
    void take(const Limits& limits) {
        ++boxes_used_;
        cpu_used_ += limits.cpu_millis;
        memory_used_ += limits.memory_bytes;
    }
    // Of limits that were taken.
    void give_back(const Limits& limits) {
        --boxes_used_;
        cpu_used_ -= limits.cpu_millis;
        memory_used_ -= limits.memory_bytes;
    }
    int boxes_used() const { return boxes_used_; }
    std::int64_t cpu_millis_used() const { return cpu_used_; }
    std::int64_t memory_bytes_used() const { return memory_used_; }

  private:
    std::int64_t cpu_millis_;
    std::int64_t memory_bytes_;
    int boxes_;
    std::int64_t cpu_used_ = 0;
    std::int64_t memory_used_ = 0;
    int boxes_used_ = 0;
};

}  // namespace windlass::worker
