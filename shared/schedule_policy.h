// What a recurring job does about runs that overlap or were missed.
#pragma once

#include <cstdint>

namespace windlass {

// When its time comes and the job of the time before has not ended. Stored: never renumber.
enum class OverlapPolicy : std::int16_t {
    skip = 0,     // not this time
    queue = 1,    // it waits for the one before
    replace = 2,  // the one before is cancelled
};
// When its time came and no scheduler was there. Stored: never renumber.
enum class MissedPolicy : std::int16_t {
    skip = 0,  // gone is gone
    once = 1,  // one run for all that were missed
    all = 2,   // one run for each; what the overlap policy says of them still holds
};

}  // namespace windlass
