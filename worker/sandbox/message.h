// One Report over the socket, with at most one descriptor. For spawner and PID 1.
#pragma once

#include "worker/sandbox/wire.h"

namespace windlass::worker {

// 0, or -1 with errno. descriptor -1: none. flags: MSG_DONTWAIT or 0.
int send_message(int socket, const Report& report, int descriptor, int flags = 0);

}  // namespace windlass::worker
