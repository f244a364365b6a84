/* Makes its own packets. */
#include <sys/socket.h>
#include "abuse.h"
int main(void) {
    MUST_FAIL(socket(AF_INET, SOCK_RAW, 255));
    MUST_FAIL(socket(AF_INET, SOCK_RAW, 1));
    MUST_FAIL(socket(AF_INET6, SOCK_RAW, 58));
    MUST_FAIL(socket(AF_INET, SOCK_PACKET, 0x300));
    MUST_FAIL(socket(AF_INET, SOCK_DGRAM, 1 /* ping */));
    return stopped();
}
