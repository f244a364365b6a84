/* Takes all rights away from its directories, its own too. */
#include "abuse.h"
int main(void) {
    chmod("out", 0);
    chmod(".shm", 0);
    chmod("/job", 0);
    return 0; /* whether the next job is well is for the driver to see */
}
