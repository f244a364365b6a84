/* Raises the ceilings of its priorities. */
#include <sys/resource.h>
#include "abuse.h"
int main(void) {
    const struct rlimit high = {40, 40};
    MUST_FAIL(setrlimit(RLIMIT_NICE, &high));
    MUST_FAIL(setrlimit(RLIMIT_RTPRIO, &high));
    MUST_FAIL(prlimit(getpid(), RLIMIT_NICE, &high, NULL));
    return stopped();
}
