/* Opens sockets that lead around an empty network: to the hypervisor, into the kernel. */
#include <sys/socket.h>
#include "abuse.h"
int main(void) {
    MUST_FAIL(socket(AF_VSOCK, SOCK_STREAM, 0));
    MUST_FAIL(socket(AF_INET, SOCK_RAW, 1));
    MUST_FAIL(socket(AF_PACKET, SOCK_RAW, 0));
    MUST_FAIL(socket(AF_NETLINK, SOCK_RAW, 0));
    MUST_FAIL(socket(AF_ALG, SOCK_SEQPACKET, 0));
    MUST_FAIL(socket(AF_KEY, SOCK_RAW, 2));
    MUST_FAIL(socket(AF_XDP, SOCK_RAW, 0));
    MUST_FAIL(socket(AF_BLUETOOTH, SOCK_RAW, 0));
    return stopped();
}
