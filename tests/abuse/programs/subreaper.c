/* Adopts its grandchildren instead of PID 1, takes their parent-death signals away, leaves them behind. */
#include <sys/prctl.h>
#include "abuse.h"
int main(void) {
    int ready[2];
    char byte;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (pipe(ready) != 0) return 1;
    for (int i = 0; i < 8; i++) {
        if (fork() == 0) {
            if (fork() == 0) {
                prctl(PR_SET_PDEATHSIG, 0);
                setpgid(0, 0);
                if (write(ready[1], "x", 1) != 1) return 1;
                for (;;) pause();
            }
            _exit(0);
        }
        if (read(ready[0], &byte, 1) != 1) return 1;
    }
    return 0; /* whether they live on is for the driver to see */
}
