/* Joins the group of PID 1, moves PID 1 into its own. */
#include "abuse.h"
int main(void) {
    MUST_FAIL(setpgid(0, 1));
    MUST_FAIL(setpgid(1, getpid()));
    MUST_FAIL(setpgid(getppid(), 0));
    MUST_FAIL(tcsetpgrp(0, getpid()));
    MUST_FAIL(tcsetpgrp(1, 1));
    return stopped();
}
