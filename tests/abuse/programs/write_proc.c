/* Changes what /proc says, and what the kernel does, about itself. */
#include "abuse.h"

int main(void) {
    const char* files[] = {"/proc/self/comm", "/proc/self/oom_score_adj", "/proc/self/coredump_filter"};
    for (int i = 0; i < 3; i++) MUST_FAIL(open(files[i], O_WRONLY));
    return stopped();
}
