/* Removes everything it finds, its own directories first. */
#include "abuse.h"
int main(void) {
    const char* names[] = {"out", "tmp", ".tmp", ".shm", "act", "/tmp", "/dev/shm", "/job"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        unlink(names[i]);
        rmdir(names[i]);
    }
    return 0; /* whether the next job is well is for the driver to see */
}
