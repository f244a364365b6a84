/* Lives in a time of its own. */
#include <sched.h>
#include "abuse.h"
int main(void) {
    MUST_FAIL(unshare(0x80 /* CLONE_NEWTIME */));
    MUST_FAIL(open("/proc/self/timens_offsets", O_WRONLY));
    MUST_FAIL(setns(open("/proc/self/ns/time", O_RDONLY), 0x80));
    return stopped();
}
