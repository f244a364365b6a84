/* Puts a link to the host's files in the place of the directory of its results. */
#include "abuse.h"
int main(void) {
    if (rename("out", "was-out") != 0 && rmdir("out") != 0) return 1;
    return symlink("/etc", "out") == 0 ? 0 : 1;
}
