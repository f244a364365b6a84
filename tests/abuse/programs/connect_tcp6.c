/* Connects to a port of the host in the words of IPv6. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include "abuse.h"
int main(int argc, char** argv) {
    const char* hosts[] = {"::1", "::ffff:127.0.0.1", "::", "fe80::1", "2606:4700:4700::1111"};
    for (unsigned i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        const int fd = socket(AF_INET6, SOCK_STREAM | (i > 2 ? SOCK_NONBLOCK : 0), 0);
        struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(argc > 1 ? atoi(argv[1]) : 80)};
        inet_pton(AF_INET6, hosts[i], &address.sin6_addr);
        if (fd < 0) return stopped();
        if (connect(fd, (struct sockaddr*)&address, sizeof address) == 0 || errno == EINPROGRESS) {
            return succeeded(hosts[i]);
        }
    }
    return stopped();
}
