/* Sets the clock and the name of the machine. */
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include "abuse.h"
int main(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    MUST_FAIL(clock_settime(CLOCK_REALTIME, &now));
    const struct timeval again = {now.tv_sec, 0};
    MUST_FAIL(settimeofday(&again, NULL));
    struct timex change = {.modes = ADJ_TICK, .tick = 10000};
    MUST_FAIL(adjtimex(&change));
    MUST_FAIL(sethostname("pwned", 5));
    MUST_FAIL(setdomainname("pwned", 5));
    return stopped();
}
