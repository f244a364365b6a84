/* Spins in many threads that block all signals. */
#include <pthread.h>
#include "abuse.h"
static void* spin(void* counter) {
    for (volatile unsigned long* count = counter;; ++*count) continue;
    return NULL;
}
int main(void) {
    static unsigned long count;
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (int i = 0; i < 15; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, spin, &count) != 0) return 1;
    }
    spin(&count);
}
