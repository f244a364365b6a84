/* Forks as often as it can. */
#include "abuse.h"
int main(void) {
    for (int i = 0; i < 500; i++) {
        const pid_t child = fork();
        if (child < 0) return stopped();
        if (child == 0) {
            for (;;) pause();
        }
    }
    return succeeded("500 processes");
}
