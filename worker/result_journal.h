// Results on their way, in two files in memory that outlive this process (Sandbox::journals): a worker that dies
// before a result is acknowledged, or on disk, leaves it to the next one. What is done with is not taken out one by
// one: entries are appended to one file until the other holds nothing that is still needed, and then that one begins
// anew.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "worker/finished_attempt.h"

namespace windlass::worker {

class ResultJournal {
  public:
    static constexpr std::size_t turn_bytes = 4 << 20;

    ResultJournal() = default;  // keeps nothing
    // The files belong to somebody who outlives this; -1: keeps nothing.
    explicit ResultJournal(std::array<int, 2> files) : files_(files) {}

    // What a former life left, oldest first in each file. To be called before anything is added; they stay until
    // begin().
    std::vector<FinishedAttempt> left() const;
    void begin();

    using Place = int;  // of an entry; -1: nowhere
    Place add(const FinishedAttempt& finished);
    // It is acknowledged, or on disk. To be called once for each add().
    void release(Place place);

  private:
    struct Half {
        std::size_t bytes = 0;
        std::size_t needed = 0;
    };
    void empty(std::size_t half);

    std::array<int, 2> files_ = {-1, -1};
    std::array<Half, 2> halves_;
    std::size_t current_ = 0;
};

}  // namespace windlass::worker
