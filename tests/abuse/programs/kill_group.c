/* Kills its process group: unless it was given one of its own, the spawner's guard and all other boxes are in it. */
#define HARMLESS_AS_ROOT
#include "abuse.h"

int main(void) {
    const pid_t child = fork();
    if (child == 0) {
        kill(0, SIGKILL);
        _exit(1);
    }
    waitpid(child, NULL, 0);
    return stopped(); /* reached only if the group is not even ours to kill */
}
