// Virtual time: what is to happen when. Nothing waits; the clock jumps to the next thing.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "shared/time.h"

namespace windlass::simulation {

// What the wall clock says when the timeline begins.
inline constexpr std::int64_t epoch_of_time_us = 1'700'000'000'000'000;

class Timeline {
  public:
    using Action = std::function<void()>;

    SteadyTime now() const { return now_; }
    std::uint64_t steps() const { return steps_; }

    void at(SteadyTime when, Action action) {
        queue_.push({when < now_ ? now_ : when, ++sequence_, std::move(action)});
    }
    void after(Microseconds delay, Action action) { at(now_ + delay, std::move(action)); }

    // Does the next thing. Things of the same moment happen in the order in which they were asked for.
    bool step() {
        if (queue_.empty()) return false;
        Entry next = std::move(const_cast<Entry&>(queue_.top()));  // NOLINT: popped in the next line
        queue_.pop();
        now_ = next.when;
        ++steps_;
        next.action();
        return true;
    }

  private:
    struct Entry {
        SteadyTime when;
        std::uint64_t sequence = 0;
        Action action;
        bool operator<(const Entry& other) const {
            return when != other.when ? when > other.when : sequence > other.sequence;
        }
    };

    SteadyTime now_{};
    std::uint64_t sequence_ = 0;
    std::uint64_t steps_ = 0;
    std::priority_queue<Entry> queue_;
};

}  // namespace windlass::simulation
