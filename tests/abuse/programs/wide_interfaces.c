/* Opens the interfaces through which kernels are broken most often. */
#include "abuse.h"
int main(void) {
    char bytes[256] = {0};
    MUST_FAIL(syscall(SYS_io_uring_setup, 4, bytes));
    MUST_FAIL(syscall(SYS_bpf, 0, bytes, 72));
    MUST_FAIL(syscall(SYS_perf_event_open, bytes, 0, -1, -1, 0));
    MUST_FAIL(syscall(SYS_userfaultfd, 1));
    MUST_FAIL(syscall(SYS_fanotify_init, 0, 0));
    MUST_FAIL(syscall(SYS_vmsplice, 1, bytes, 0, 0));
    MUST_FAIL(syscall(SYS_kcmp, 1, getpid(), 0, 0, 0));
    return stopped();
}
