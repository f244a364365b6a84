/* Finds an abstract socket of the host by the error that tells the wrong type from no such name. */
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "abuse.h"
int main(int argc, char** argv) {
    const int types[] = {SOCK_DGRAM, SOCK_SEQPACKET};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char* name = argc > 1 ? argv[1] : "";
    memcpy(address.sun_path + 1, name, strlen(name));
    for (int i = 0; i < 2; i++) {
        const int fd = socket(AF_UNIX, types[i], 0);
        MUST_FAIL(connect(fd, (struct sockaddr*)&address, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name)));
        if (errno == EPROTOTYPE) return succeeded("the name is known");
    }
    return stopped();
}
