/* Freezes and trims file systems, makes a file that cannot be removed. */
#include <linux/fs.h>
#include <sys/ioctl.h>
#include "abuse.h"
int main(void) {
    const char* places[] = {"/", "/usr", "/job", "/proc"};
    for (int i = 0; i < 4; i++) {
        const int fd = open(places[i], O_RDONLY);
        struct fstrim_range range = {.len = ~0ULL};
        MUST_FAIL(ioctl(fd, FIFREEZE, 0));
        MUST_FAIL(ioctl(fd, FITHAW, 0));
        MUST_FAIL(ioctl(fd, FITRIM, &range));
    }
    int flags = FS_IMMUTABLE_FL;
    MUST_FAIL(ioctl(open("act", O_RDONLY), FS_IOC_SETFLAGS, &flags));
    return stopped();
}
