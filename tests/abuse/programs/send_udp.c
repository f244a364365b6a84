/* Sends datagrams to the host and to the world. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include "abuse.h"
int main(void) {
    const char* hosts[] = {"127.0.0.1", "8.8.8.8", "255.255.255.255"};
    for (unsigned i = 0; i < 3; i++) {
        const int fd = socket(AF_INET, SOCK_DGRAM, 0);
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(53)};
        inet_pton(AF_INET, hosts[i], &address.sin_addr);
        if (fd >= 0 && sendto(fd, "x", 1, 0, (struct sockaddr*)&address, sizeof address) >= 0)
            return succeeded(hosts[i]);
    }
    return stopped();
}
