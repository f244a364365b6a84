/* Opens what readdir of /proc does not show. */
#include "abuse.h"
int main(void) {
    for (int pid = 1; pid < 33000; pid++) {
        char path[64];
        if (pid == getpid()) continue;
        snprintf(path, sizeof path, "/proc/%d/status", pid);
        MUST_FAIL(open(path, O_RDONLY));
    }
    return stopped();
}
