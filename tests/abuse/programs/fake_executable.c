/* Has /proc show another program, other arguments, another end of its memory. */
#include <sys/prctl.h>
#include "abuse.h"
int main(void) {
    MUST_FAIL(prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, open("/usr/bin/env", O_RDONLY), 0, 0));
    MUST_FAIL(prctl(PR_SET_MM, PR_SET_MM_START_BRK, &errno, 0, 0));
    MUST_FAIL(prctl(PR_SET_MM, PR_SET_MM_ARG_START, &errno, 0, 0));
    return stopped();
}
