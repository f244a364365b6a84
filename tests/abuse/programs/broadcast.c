/* Speaks to everybody on the network, and to its configuration server. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include "abuse.h"
int main(void) {
    const char* hosts[] = {"255.255.255.255", "224.0.0.251", "239.255.255.250", "10.255.255.255"};
    const int on = 1;
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
    for (int i = 0; i < 4; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(67)};
        inet_pton(AF_INET, hosts[i], &address.sin_addr);
        MUST_FAIL(sendto(fd, "x", 1, 0, (struct sockaddr*)&address, sizeof address));
    }
    return stopped();
}
