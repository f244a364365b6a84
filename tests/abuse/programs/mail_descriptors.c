/* Posts descriptors to itself and closes them: they count for nobody. */
#include <sys/socket.h>
#include "abuse.h"
int main(void) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair) != 0) return 1;
    char byte = 'x';
    struct iovec part = {&byte, 1};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(200 * sizeof(int))];
    } control = {{CMSG_LEN(200 * sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};
    message.msg_controllen = sizeof control;
    for (int i = 0; i < 200; i++) memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &pair[0], sizeof(int));
    for (int i = 0; i < 1000; i++) {
        if (sendmsg(pair[1], &message, 0) < 0) return stopped();
        if (i % 5 == 4 && socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair) != 0) return stopped();
    }
    return succeeded("200000 descriptors under way");
}
