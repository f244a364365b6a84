// The worker's end of message.h: one message of plain data from a SOCK_SEQPACKET socket, with what came along.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <type_traits>

#include "worker/file_descriptor.h"

namespace windlass::worker {

struct ReceivedMessage {
    enum class Kind {
        none,   // nothing is there yet
        whole,  // the bytes were filled
        ended,  // the other end is gone, or speaks another language
    };
    Kind kind = Kind::none;
    FileDescriptor descriptor;
    pid_t sender = 0;  // as the kernel says, where the socket has SO_PASSCRED
};

// Does not wait.
ReceivedMessage receive_message(int socket, void* bytes, std::size_t size);

template <class T>
ReceivedMessage receive_message(int socket, T& message) {
    static_assert(std::is_trivially_copyable_v<T>);
    return receive_message(socket, &message, sizeof message);
}

}  // namespace windlass::worker
