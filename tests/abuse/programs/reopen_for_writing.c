/* Opens for reading, then the descriptor again for writing. */
#include "abuse.h"
int main(void) {
    const char* files[] = {"/usr/bin/env", "/etc/passwd", "/usr", "/bin/sh"};
    const int flags[] = {O_RDONLY, O_PATH};
    for (int i = 0; i < 8; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/self/fd/%d", open(files[i / 2], flags[i % 2]));
        MUST_FAIL(open(path, O_WRONLY));
        MUST_FAIL(open(path, O_RDWR | O_TRUNC));
        MUST_FAIL(truncate(path, 0));
    }
    return stopped();
}
