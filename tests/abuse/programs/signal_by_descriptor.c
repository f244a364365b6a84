/* Has the kernel send a signal for it: a pipe whose owner is PID 1. */
#include "abuse.h"
int main(void) {
    int pipes[2];
    if (pipe(pipes) != 0) return 1;
    fcntl(pipes[0], F_SETOWN, 1);
    for (int i = 1; i < 65; i++) {
        fcntl(pipes[0], F_SETSIG, i);
        fcntl(pipes[0], F_SETFL, O_ASYNC | O_NONBLOCK);
        if (write(pipes[1], "x", 1) != 1) return 1;
    }
    fcntl(pipes[0], F_SETOWN, -1);
    errno = 0;
    if (kill(1, 0) != 0 && errno == ESRCH) return succeeded("PID 1 is gone");
    return stopped();
}
