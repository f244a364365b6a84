/* Writes into the memory of PID 1 and of its own child. */
#include <sys/uio.h>
#include "abuse.h"
int main(void) {
    char bytes[8] = {0};
    char target[8];
    struct iovec here = {bytes, sizeof bytes};
    struct iovec there = {target, sizeof target};
    MUST_BE_REFUSED(process_vm_writev(1, &here, 1, &there, 1, 0));
    MUST_BE_REFUSED(process_vm_writev(getppid(), &here, 1, &there, 1, 0));
    MUST_BE_REFUSED(process_vm_writev(getpid(), &here, 1, &there, 1, 0));
    return stopped();
}
