#include "worker/sandbox/received_message.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace windlass::worker {

ReceivedMessage receive_message(int socket, void* bytes, std::size_t size) {
    ReceivedMessage received;
    iovec part{bytes, size};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(ucred))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t got = 0;
    while ((got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
    }
    if (got < 0 && errno == EAGAIN) return received;
    received.kind = ReceivedMessage::Kind::ended;
    if (got != static_cast<ssize_t>(size)) return received;
    received.kind = ReceivedMessage::Kind::whole;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_type == SCM_RIGHTS) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
            received.descriptor = FileDescriptor(fd);
        } else if (header->cmsg_type == SCM_CREDENTIALS) {
            ucred sender{};
            std::memcpy(&sender, CMSG_DATA(header), sizeof sender);
            received.sender = sender.pid;
        }
    }
    return received;
}

}  // namespace windlass::worker
