/* Sets the options of a socket that are for administrators: marks, buffers, packet filters. */
#include <netinet/in.h>
#include <sys/socket.h>
#include "abuse.h"
int main(void) {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    const int value = 1 << 24;
    char rules[256] = {0};
    MUST_FAIL(setsockopt(fd, SOL_SOCKET, SO_MARK, &value, sizeof value));
    MUST_FAIL(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &value, sizeof value));
    MUST_FAIL(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &value, sizeof value));
    MUST_FAIL(setsockopt(fd, SOL_SOCKET, SO_DEBUG, &value, sizeof value));
    MUST_FAIL(setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &value, sizeof value));
    MUST_FAIL(setsockopt(fd, IPPROTO_IP, 64 /* IPT_SO_SET_REPLACE */, rules, sizeof rules));
    return stopped();
}
