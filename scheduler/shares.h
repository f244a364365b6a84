// Small numbers for the queues and users the core knows, given out in the order in which it first heard of them and
// never used again for another.
#pragma once

#include <cstdint>

namespace windlass::scheduler {

using QueueIndex = std::uint32_t;  // a named queue
using UserIndex = std::uint32_t;
using ShareIndex = std::uint32_t;  // one user in one queue: whose turn it is is decided between these

}  // namespace windlass::scheduler
