/* Starts a process that is not its child but its brother, and leaves it behind. */
#include <sched.h>
#include "abuse.h"
int main(void) {
    int ready[2];
    char byte;
    if (pipe(ready) != 0) return 1;
    const long child = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        if (write(ready[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    if (child < 0 || read(ready[0], &byte, 1) != 1) return 1;
    return 0; /* whether it lives on is for the driver to see */
}
