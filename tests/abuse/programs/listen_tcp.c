/* Listens at a port: in a network that it shared with others they would take it for a service. */
#include "abuse.h"

#include <netinet/in.h>
#include <sys/socket.h>

int main(void) {
    const struct sockaddr_in any = {.sin_family = AF_INET};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) return stopped();
    MUST_FAIL(bind(fd, (const struct sockaddr*)&any, sizeof any));
    return stopped();
}
