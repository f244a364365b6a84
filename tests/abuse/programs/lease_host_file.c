/* Takes a lease on a program of the host, so that whoever opens it has to wait. */
#include "abuse.h"
int main(void) {
    const char* files[] = {"/usr/bin/env", "/bin/sh", "/usr/bin/ls"};
    for (int i = 0; i < 3; i++) {
        const int fd = open(files[i], O_RDONLY);
        MUST_FAIL(fcntl(fd, F_SETLEASE, F_RDLCK));
        MUST_FAIL(fcntl(fd, F_SETLEASE, F_WRLCK));
        struct flock whole = {.l_type = F_WRLCK};
        MUST_FAIL(fcntl(fd, F_SETLK, &whole));
    }
    return stopped();
}
