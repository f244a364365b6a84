/* Talks to the hardware through its ports. */
#include "abuse.h"
int main(void) {
#ifdef __x86_64__
    MUST_BE_REFUSED(syscall(SYS_ioperm, 0x70, 2, 1));
    MUST_BE_REFUSED(syscall(SYS_iopl, 3));
#endif
    return stopped();
}
