/* Mounts with the calls that came after mount. */
#include "abuse.h"
int main(void) {
    MUST_BE_REFUSED(syscall(SYS_fsopen, "tmpfs", 1));
    MUST_BE_REFUSED(syscall(SYS_fspick, AT_FDCWD, "/", 0));
    MUST_BE_REFUSED(syscall(SYS_fsconfig, -1, 6, NULL, NULL, 0));
    MUST_BE_REFUSED(syscall(SYS_fsmount, -1, 0, 0));
    MUST_BE_REFUSED(syscall(SYS_open_tree, AT_FDCWD, "/usr", 1));
    MUST_BE_REFUSED(syscall(SYS_move_mount, AT_FDCWD, "/usr", AT_FDCWD, "/job", 0));
    return stopped();
}
