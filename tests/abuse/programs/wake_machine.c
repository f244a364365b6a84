/* Sets an alarm that wakes the machine from sleep. */
#include <sys/timerfd.h>
#include <time.h>
#include "abuse.h"
int main(void) {
    timer_t timer;
    MUST_FAIL(timer_create(CLOCK_REALTIME_ALARM, NULL, &timer));
    MUST_FAIL(timer_create(CLOCK_BOOTTIME_ALARM, NULL, &timer));
    MUST_FAIL(timerfd_create(CLOCK_BOOTTIME_ALARM, 0));
    MUST_FAIL(timerfd_create(CLOCK_REALTIME_ALARM, 0));
    return stopped();
}
