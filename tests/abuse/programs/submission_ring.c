/* Makes system calls through a ring, past the filter. */
#include <linux/io_uring.h>
#include "abuse.h"
int main(void) {
    struct io_uring_params ring = {0};
    MUST_BE_REFUSED(syscall(SYS_io_uring_setup, 4, &ring));
    MUST_BE_REFUSED(syscall(SYS_io_uring_enter, 0, 1, 0, 0, NULL, 0));
    MUST_BE_REFUSED(syscall(SYS_io_uring_register, -1, 0, NULL, 0));
    return stopped();
}
