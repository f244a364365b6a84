/* Reads and switches the quotas of the host's disk. */
#include "abuse.h"
int main(void) {
    MUST_BE_REFUSED(syscall(SYS_quotactl, 0x800003 << 8, "/dev/vda", 0, ""));
    MUST_BE_REFUSED(syscall(SYS_quotactl, 0x800001 << 8, NULL, 0, NULL));
    return stopped();
}
