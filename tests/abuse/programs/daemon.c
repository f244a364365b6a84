/* Leaves a process behind that ignores all signals and holds stdout open. */
#include "abuse.h"
int main(void) {
    int ready[2];
    char byte;
    if (pipe(ready) != 0) return 1;
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            for (int i = 1; i < 65; i++) signal(i, SIG_IGN);
            if (write(ready[1], "x", 1) != 1) return 1;
            for (;;) pause();
        }
        _exit(0);
    }
    if (read(ready[0], &byte, 1) != 1) return 1;
    return 0; /* whether it lives on is for the driver to see */
}
