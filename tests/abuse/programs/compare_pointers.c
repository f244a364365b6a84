/* Learns the order of the kernel's pointers by comparing. */
#include "abuse.h"
int main(void) {
    MUST_BE_REFUSED(syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 1));
    MUST_BE_REFUSED(syscall(SYS_kcmp, getpid(), 1, 1, 0, 0));
    return stopped();
}
