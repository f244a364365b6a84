/* Raises its limits and its importance. */
#include <sched.h>
#include <sys/resource.h>
#include "abuse.h"
int main(void) {
    const int resources[] = {RLIMIT_NOFILE,  RLIMIT_FSIZE,    RLIMIT_CORE,
                             RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_SIGPENDING};
    for (unsigned i = 0; i < sizeof resources / sizeof *resources; i++) {
        struct rlimit limit;
        getrlimit(resources[i], &limit);
        limit.rlim_cur = limit.rlim_max = limit.rlim_max + 1;
        MUST_FAIL(setrlimit(resources[i], &limit));
    }
    const struct sched_param real_time = {.sched_priority = 50};
    MUST_FAIL(sched_setscheduler(0, SCHED_FIFO, &real_time));
    MUST_FAIL(setpriority(PRIO_PROCESS, 0, -10));
    const int score = open("/proc/self/oom_score_adj", O_WRONLY);
    if (score >= 0) MUST_FAIL(write(score, "-1000", 5));
    return stopped();
}
