/* Takes a descriptor out of another process. */
#include "abuse.h"
int main(void) {
    const long self = syscall(SYS_pidfd_open, getpid(), 0);
    MUST_BE_REFUSED(syscall(SYS_pidfd_getfd, self, 1, 0));
    MUST_BE_REFUSED(syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, 1, 0), 0, 0));
    return stopped();
}
