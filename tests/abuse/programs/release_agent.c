/* Mounts a cgroup hierarchy to have the kernel run a program outside (CVE-2022-0492). */
#include <sys/mount.h>
#include "abuse.h"
int main(void) {
    mkdir("group", 0755);
    MUST_FAIL(mount("c", "group", "cgroup", 0, "rdma"));
    MUST_FAIL(mount("c", "group", "cgroup", MS_NOSUID | MS_NODEV, "none,name=x"));
    MUST_FAIL(mount("c", "group", "cgroup2", MS_NOSUID | MS_NODEV, NULL));
    MUST_FAIL(open("/sys/fs/cgroup", O_RDONLY));
    return stopped();
}
