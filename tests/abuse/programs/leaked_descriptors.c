/* Looks for descriptors that somebody forgot to close (CVE-2024-21626). */
#include "abuse.h"
int main(void) {
    for (int fd = 3; fd < 1024; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) return succeeded("an inherited descriptor");
    }
    char path[256];
    if (getcwd(path, sizeof path) == NULL || strcmp(path, "/job") != 0)
        return succeeded("a working directory elsewhere");
    return stopped();
}
