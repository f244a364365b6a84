/* Traces PID 1 and its parent, reads their memory. */
#include <sys/ptrace.h>
#include <sys/uio.h>
#include "abuse.h"
int main(void) {
    char bytes[8];
    struct iovec here = {bytes, sizeof bytes};
    struct iovec there = {(void*)0x400000, sizeof bytes};
    MUST_FAIL(ptrace(PTRACE_ATTACH, 1, 0, 0));
    MUST_FAIL(ptrace(PTRACE_SEIZE, 1, 0, 0));
    MUST_FAIL(ptrace(PTRACE_TRACEME, 0, 0, 0));
    MUST_FAIL(process_vm_readv(1, &here, 1, &there, 1, 0));
    MUST_FAIL(process_vm_readv(getppid(), &here, 1, &there, 1, 0));
    return stopped();
}
