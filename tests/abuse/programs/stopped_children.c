/* Leaves children behind that are stopped and hear no signal. */
#include "abuse.h"
int main(void) {
    for (int i = 0; i < 16; i++) {
        const pid_t child = fork();
        if (child == 0) {
            for (;;) raise(SIGSTOP);
        }
        if (child < 0 || waitpid(child, NULL, WUNTRACED) != child) return 1;
    }
    return 0; /* whether they live on is for the driver to see */
}
