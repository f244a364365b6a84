/* Looks at PID 1 through /proc. */
#include "abuse.h"
int main(void) {
    MUST_FAIL(open("/proc/1/mem", O_RDONLY));
    MUST_FAIL(open("/proc/1/environ", O_RDONLY));
    MUST_FAIL(open("/proc/1/maps", O_RDONLY));
    MUST_FAIL(open("/proc/1/fd", O_RDONLY));
    MUST_FAIL(open("/proc/1/root/etc/shadow", O_RDONLY));
    MUST_FAIL(open("/proc/1/cwd/..", O_RDONLY));
    return stopped();
}
