/* Starts threads as often as it can. */
#include <pthread.h>
#include "abuse.h"
static void* wait_for_ever(void* unused) {
    for (;;) pause();
    return unused;
}
int main(void) {
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    for (int i = 0; i < 500; i++) {
        pthread_t thread;
        errno = pthread_create(&thread, &small, wait_for_ever, NULL);
        if (errno != 0) return stopped();
    }
    return succeeded("500 threads");
}
