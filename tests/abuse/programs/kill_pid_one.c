/* Kills PID 1, and sends it the signals by which the spawner speaks to it. */
#include "abuse.h"
int main(void) {
    for (int i = 1; i < 65; i++) {
        kill(1, i);
    }
    errno = 0;
    if (kill(1, 0) != 0 && errno == ESRCH) return succeeded("PID 1 is gone");
    return stopped();
}
