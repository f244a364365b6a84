/* Maps itself to root. */
#include "abuse.h"
int main(void) {
    MUST_FAIL(open("/proc/self/uid_map", O_RDWR));
    MUST_FAIL(open("/proc/self/gid_map", O_RDWR));
    MUST_FAIL(open("/proc/self/projid_map", O_RDWR));
    MUST_FAIL(open("/proc/self/setgroups", O_RDWR));
    return stopped();
}
