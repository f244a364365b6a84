// What the scheduler says of each job it was asked to cancel (protocol::CancelAnswered).
#pragma once

#include <cstdint>

namespace windlass::api {

inline constexpr std::int64_t cancel_done = 0;        // it waited, and is cancelled now
inline constexpr std::int64_t cancel_requested = 1;   // a worker has it; cancelled when its processes are gone
inline constexpr std::int64_t cancel_not_active = 2;  // it had ended

}  // namespace windlass::api
