/* Connects by sending: the call that lists of forbidden connects forget. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include "abuse.h"
int main(int argc, char** argv) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 80)};
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    MUST_FAIL(sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr*)&address, sizeof address));
    return stopped();
}
