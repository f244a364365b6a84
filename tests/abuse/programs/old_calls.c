/* Makes the calls that nobody has needed for decades. */
#include "abuse.h"
int main(void) {
#ifdef __x86_64__
    char buffer[256] = {0};
    MUST_BE_REFUSED(syscall(SYS_uselib, "/usr/lib/libc.so"));
    MUST_BE_REFUSED(syscall(SYS_ustat, 0, buffer));
    MUST_BE_REFUSED(syscall(SYS_sysfs, 3));
    MUST_BE_REFUSED(syscall(SYS__sysctl, buffer));
    MUST_BE_REFUSED(syscall(SYS_modify_ldt, 0, buffer, sizeof buffer));
    MUST_BE_REFUSED(syscall(SYS_lookup_dcookie, 0, buffer, sizeof buffer));
    MUST_BE_REFUSED(syscall(SYS_vhangup));
#endif
    return stopped();
}
