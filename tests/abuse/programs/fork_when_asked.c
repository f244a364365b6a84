/* Answers each request to end with two more processes. */
#include "abuse.h"
static void more(int number) {
    (void)number;
    fork();
    fork();
}
int main(void) {
    for (int i = 1; i < 32; i++) signal(i, more);
    signal(SIGCHLD, SIG_IGN);
    for (;;) pause();
}
