/* Links files of the host into its directory by descriptor. */
#include "abuse.h"
int main(void) {
    const int fd = open("/usr/bin/env", O_RDONLY);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    MUST_FAIL(linkat(fd, "", AT_FDCWD, "out/by-descriptor", AT_EMPTY_PATH));
    MUST_FAIL(linkat(AT_FDCWD, path, AT_FDCWD, "out/by-proc", AT_SYMLINK_FOLLOW));
    MUST_FAIL(rename("/etc/passwd", "out/passwd"));
    MUST_FAIL(syscall(SYS_renameat2, AT_FDCWD, "act", AT_FDCWD, "/etc/passwd", 2 /* exchange */));
    return stopped();
}
