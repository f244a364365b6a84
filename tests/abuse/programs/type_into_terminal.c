/* Types into whatever terminal it can find. */
#include <sys/ioctl.h>
#include "abuse.h"
int main(void) {
    const char* paths[] = {"/dev/tty",  "/dev/console", "/dev/stdin", "/proc/self/fd/0",
                           "/dev/tty0", "/dev/pts/0",   "/dev/ptmx"};
    for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) {
        const int fd = open(paths[i], O_RDONLY | O_NOCTTY);
        if (fd >= 0) MUST_FAIL(ioctl(fd, TIOCSTI, "x"));
    }
    for (int fd = 0; fd < 3; fd++) {
        MUST_FAIL(ioctl(fd, TIOCSTI, "x"));
        MUST_FAIL(ioctl(fd, TIOCLINUX, "\2"));
        MUST_FAIL(syscall(SYS_ioctl, fd, 0x100005412UL, "x"));
    }
    return stopped();
}
