/* Answers page faults itself, so that the kernel can be held up inside a copy. */
#include "abuse.h"
int main(void) {
    MUST_BE_REFUSED(syscall(SYS_userfaultfd, 0));
    MUST_BE_REFUSED(syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY */));
    return stopped();
}
