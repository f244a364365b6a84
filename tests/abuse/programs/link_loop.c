/* Leaves links that lead to themselves, and a chain of links to a file of the host. */
#include "abuse.h"
int main(void) {
    if (symlink("loop", "out/loop") != 0 || symlink("../out", "out/again") != 0) return 1;
    if (symlink("/etc/passwd", "out/chain-0") != 0) return 1;
    for (int i = 1; i < 30; i++) {
        char from[32], to[32];
        snprintf(to, sizeof to, "chain-%d", i - 1);
        snprintf(from, sizeof from, "out/chain-%d", i);
        if (symlink(to, from) != 0) return 1;
    }
    return 0; /* whether they can be told from files is for the driver to see */
}
