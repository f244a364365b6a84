/* Joins the namespaces of PID 1, takes its descriptors. */
#include <sched.h>
#include "abuse.h"
int main(void) {
    const char* names[] = {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"};
    char path[64];
    for (unsigned i = 0; i < 7; i++) {
        snprintf(path, sizeof path, "/proc/1/ns/%s", names[i]);
        MUST_FAIL(open(path, O_RDONLY));
        snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
        const int fd = open(path, O_RDONLY);
        MUST_FAIL(setns(fd, 0));
        MUST_FAIL(setns(fd, CLONE_NEWNET));
    }
    const int first = (int)syscall(SYS_pidfd_open, 1, 0);
    if (first >= 0) {
        MUST_FAIL(setns(first, CLONE_NEWNS));
        MUST_FAIL(setns(first, CLONE_NEWNET));
        MUST_FAIL(syscall(SYS_pidfd_getfd, first, 0, 0));
    }
    return stopped();
}
