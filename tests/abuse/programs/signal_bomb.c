/* Sends itself signals and never takes them. */
#include "abuse.h"
int main(void) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (int i = 0; i < 20000; i++) {
        if (sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = i}) != 0) return stopped();
    }
    return succeeded("20000 pending signals");
}
