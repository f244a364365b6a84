/* Asks for a place before everybody: real time, a deadline, the disk first. */
#include <sched.h>
#include "abuse.h"
int main(void) {
    const struct {
        unsigned size, policy;
        unsigned long long flags;
        int nice;
        unsigned priority;
        unsigned long long runtime, deadline, period;
    } deadline = {48, 6, 0, 0, 0, 10000000, 30000000, 30000000};
    const struct sched_param first = {.sched_priority = 1};
    MUST_FAIL(syscall(SYS_sched_setattr, 0, &deadline, 0));
    MUST_FAIL(sched_setscheduler(0, SCHED_RR, &first));
    MUST_FAIL(syscall(SYS_ioprio_set, 1, 0, 1 << 13 /* real time */));
    MUST_FAIL(syscall(SYS_ioprio_set, 3, getuid(), 1 << 13));
    return stopped();
}
