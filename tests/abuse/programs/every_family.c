/* Asks for a socket of every family that is not one of the three. */
#include <sys/socket.h>
#include "abuse.h"
int main(void) {
    const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_RDM};
    for (int family = 0; family < 64; family++) {
        if (family == AF_UNIX || family == AF_INET || family == AF_INET6) continue;
        for (int i = 0; i < 5; i++) {
            if (socket(family, types[i], 0) >= 0) return succeeded("a socket");
            if (errno != EAFNOSUPPORT) return succeeded("it reached the kernel");
        }
    }
    return stopped();
}
