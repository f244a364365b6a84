/* Asks for pairs of sockets: another call, with the same families. */
#include <sys/socket.h>
#include "abuse.h"
int main(void) {
    int pair[2];
    for (int family = 0; family < 64; family++) {
        if (family != AF_UNIX) MUST_FAIL(socketpair(family, SOCK_STREAM, 0, pair));
        if (family != AF_UNIX) MUST_FAIL(socketpair(family, SOCK_DGRAM, 0, pair));
    }
    return stopped();
}
