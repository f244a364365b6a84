/* Makes what is read-only writable, and devices usable. */
#include <sys/mount.h>
#include "abuse.h"
int main(void) {
    const unsigned long long attributes[4] = {0, 7 /* read-only, nosuid, nodev */, 0, 0};
    MUST_BE_REFUSED(syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, attributes, sizeof attributes));
    MUST_BE_REFUSED(
        syscall(SYS_mount_setattr, AT_FDCWD, "/usr", 0x8000 /* AT_RECURSIVE */, attributes, sizeof attributes));
    MUST_BE_REFUSED(mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND | MS_NOSUID, NULL));
    return stopped();
}
