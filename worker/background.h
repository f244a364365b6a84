// Work that would keep the loop standing still.
#pragma once

#include <uv.h>

#include <functional>

namespace windlass::worker {

// Carries out `work` elsewhere and then calls `done` on the owner's thread. Both are copied and may own things.
using Background = std::function<void(std::function<void()> work, std::function<void()> done)>;

// On libuv's thread pool. `done` comes as long as the loop is run.
Background thread_pool(uv_loop_t* loop);

}  // namespace windlass::worker
