/* Kills PID 1 through a descriptor of it. */
#include "abuse.h"
int main(void) {
    const int first = (int)syscall(SYS_pidfd_open, 1, 0);
    if (first < 0) return stopped();
    for (int i = 1; i < 65; i++) syscall(SYS_pidfd_send_signal, first, i, NULL, 0);
    errno = 0;
    if (kill(1, 0) != 0 && errno == ESRCH) return succeeded("PID 1 is gone");
    return stopped();
}
