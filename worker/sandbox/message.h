// One message of plain data over a SOCK_SEQPACKET socket, with at most one descriptor. For the spawner, PID 1 and the
// keeper of a job's network; the worker's end is received_message.h.
#pragma once

#include <cstddef>
#include <type_traits>

namespace windlass::worker {

// 0, or -1 with errno. descriptor -1: none. flags: MSG_DONTWAIT or 0.
int send_message(int socket, const void* bytes, std::size_t size, int descriptor, int flags);

template <class T>
int send_message(int socket, const T& message, int descriptor, int flags = 0) {
    static_assert(std::is_trivially_copyable_v<T>);
    return send_message(socket, &message, sizeof message, descriptor, flags);
}

}  // namespace windlass::worker
