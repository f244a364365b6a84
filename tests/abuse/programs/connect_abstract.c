/* Connects to an abstract Unix socket of the host. */
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "abuse.h"
int main(int argc, char** argv) {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char* name = argc > 1 ? argv[1] : "";
    memcpy(address.sun_path + 1, name, strlen(name));
    MUST_FAIL(connect(fd, (struct sockaddr*)&address, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name)));
    return stopped();
}
