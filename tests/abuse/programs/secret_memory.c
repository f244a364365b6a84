/* Makes memory that even the kernel cannot read, nor swap. */
#include "abuse.h"
int main(void) {
    MUST_BE_REFUSED(syscall(447 /* memfd_secret */, 0));
    return stopped();
}
