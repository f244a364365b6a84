/* Takes asynchronous I/O contexts: their number is limited for the whole machine, not for a user or a cgroup. */
#include <linux/aio_abi.h>
#include "abuse.h"
int main(void) {
    aio_context_t context = 0;
    MUST_BE_REFUSED(syscall(SYS_io_setup, 8192, &context));
    MUST_BE_REFUSED(syscall(SYS_io_setup, 1, &context));
    return stopped();
}
