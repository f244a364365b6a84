#include "worker/sandbox/message.h"

#include <sys/socket.h>
#include <cerrno>
#include <cstring>

namespace windlass::worker {

int send_message(int socket, const void* bytes, std::size_t size, int descriptor, int flags) {
    iovec part{const_cast<void*>(bytes), size};  // of a sent message the kernel only reads
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (descriptor >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
    }
    for (;;) {
        if (sendmsg(socket, &message, MSG_NOSIGNAL | flags) >= 0) return 0;
        if (errno != EINTR) return -1;
    }
}

}  // namespace windlass::worker
