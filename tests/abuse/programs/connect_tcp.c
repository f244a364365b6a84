/* Connects to a port of the host's loopback, and beyond. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include "abuse.h"
int main(int argc, char** argv) {
    const char* hosts[] = {"127.0.0.1", "0.0.0.0", "1.1.1.1", "169.254.169.254"};
    for (unsigned i = 0; i < 4; i++) {
        const int fd = socket(AF_INET, SOCK_STREAM | (i > 1 ? SOCK_NONBLOCK : 0), 0);
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 80)};
        inet_pton(AF_INET, hosts[i], &address.sin_addr);
        if (fd >= 0 && (connect(fd, (struct sockaddr*)&address, sizeof address) == 0 || errno == EINPROGRESS)) {
            return succeeded(hosts[i]);
        }
    }
    return stopped();
}
