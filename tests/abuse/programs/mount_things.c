/* Mounts, remounts, unmounts, changes the root. */
#include <sys/mount.h>
#include "abuse.h"
int main(void) {
    MUST_FAIL(mount("x", "/job/out", "tmpfs", MS_NOSUID | MS_NODEV, ""));
    MUST_FAIL(mount("x", "/job/out", "proc", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, ""));
    MUST_FAIL(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
    MUST_FAIL(mount("/usr", "/job/out", NULL, MS_BIND, NULL));
    MUST_FAIL(umount2("/proc", MNT_DETACH));
    MUST_FAIL(umount2("/job", MNT_DETACH));
    MUST_FAIL(chroot("/job"));
    MUST_FAIL(syscall(SYS_pivot_root, ".", "."));
    MUST_FAIL(syscall(SYS_fsopen, "tmpfs", 0));
    MUST_FAIL(syscall(SYS_open_tree, AT_FDCWD, "/", 1));
    MUST_FAIL(syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, "", 0));
    return stopped();
}
