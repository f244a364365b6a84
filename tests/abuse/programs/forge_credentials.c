/* Sends a message as root and as PID 1. */
#include <sys/socket.h>
#include "abuse.h"
int main(void) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0) return 1;
    char byte = 'x';
    struct iovec part = {&byte, 1};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
    } control = {{CMSG_LEN(sizeof(struct ucred)), SOL_SOCKET, SCM_CREDENTIALS}};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};
    message.msg_controllen = sizeof control;
    const struct ucred forged[] = {{getpid(), 0, getgid()}, {1, getuid(), getgid()}, {getpid(), getuid(), 0}};
    for (int i = 0; i < 3; i++) {
        memcpy(CMSG_DATA(&control.header), &forged[i], sizeof forged[i]);
        MUST_FAIL(sendmsg(pair[0], &message, 0));
    }
    return stopped();
}
