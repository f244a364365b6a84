/* Gets itself a terminal. */
#include <sys/ioctl.h>
#include "abuse.h"
int main(void) {
    MUST_FAIL(open("/dev/tty", O_RDWR));
    MUST_FAIL(open("/dev/ptmx", O_RDWR));
    MUST_FAIL(open("/dev/pts/ptmx", O_RDWR));
    MUST_FAIL(posix_openpt(O_RDWR));
    MUST_FAIL(ioctl(0, TIOCSCTTY, 1));
    MUST_FAIL(ioctl(1, TIOCCONS, 0));
    return stopped();
}
