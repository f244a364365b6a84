/* Makes timers. */
#include <time.h>
#include "abuse.h"
int main(void) {
    struct sigevent silent = {.sigev_notify = SIGEV_NONE};
    for (int i = 0; i < 20000; i++) {
        timer_t timer;
        if (timer_create(CLOCK_MONOTONIC, &silent, &timer) != 0) return stopped();
    }
    return succeeded("20000 timers");
}
