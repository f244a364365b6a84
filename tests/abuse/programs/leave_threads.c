/* Ends its first thread only: the process looks dead and is not. */
#include <pthread.h>
#include "abuse.h"
static void* go_on(void* unused) {
    for (;;) pause();
    return unused;
}
int main(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, go_on, NULL) != 0) return 1;
    syscall(SYS_exit, 0);
    return 1;
}
