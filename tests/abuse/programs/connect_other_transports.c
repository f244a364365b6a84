/* Connects with transports that are not TCP but can talk to it, or go beside it. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include "abuse.h"
int main(int argc, char** argv) {
    const int protocols[] = {262 /* MPTCP */, 132 /* SCTP */, 256 /* SMC */};
    for (int i = 0; i < 3; i++) {
        const int fd = socket(AF_INET, SOCK_STREAM, protocols[i]);
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 80)};
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
        if (fd >= 0) MUST_FAIL(connect(fd, (struct sockaddr*)&address, sizeof address));
    }
    return stopped();
}
