/* Makes one pipe of a gibibyte. */
#include "abuse.h"
int main(void) {
    int pipes[2];
    if (pipe(pipes) != 0) return 1;
    MUST_FAIL(fcntl(pipes[0], F_SETPIPE_SZ, 1 << 30));
    return stopped();
}
