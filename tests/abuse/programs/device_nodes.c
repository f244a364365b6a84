/* Makes device nodes, opens those of the host. */
#include <sys/sysmacros.h>
#include "abuse.h"
int main(void) {
    MUST_FAIL(mknod("disk", S_IFBLK | 0600, makedev(254, 0)));
    MUST_FAIL(mknod("memory", S_IFCHR | 0600, makedev(1, 1)));
    MUST_FAIL(mknod("/tmp/null", S_IFCHR | 0600, makedev(1, 3)));
    const char* paths[] = {"/dev/vda",          "/dev/sda",  "/dev/nvme0n1",        "/dev/mem",
                           "/dev/kmsg",         "/dev/kvm",  "/dev/fuse",           "/dev/net/tun",
                           "/dev/loop-control", "/dev/port", "/dev/dri/renderD128", "/dev/rtc0",
                           "/dev/userfaultfd"};
    for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) MUST_FAIL(open(paths[i], O_RDONLY));
    return stopped();
}
