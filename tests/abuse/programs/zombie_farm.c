/* Never asks how its children ended, so that each keeps its place in the table. */
#include "abuse.h"
int main(void) {
    for (int i = 0; i < 500; i++) {
        const pid_t child = fork();
        if (child < 0) return stopped();
        if (child == 0) _exit(0);
    }
    return succeeded("500 zombies");
}
