/* Makes semaphores by the thousand. */
#include <sys/ipc.h>
#include <sys/sem.h>
#include "abuse.h"
int main(void) {
    for (int i = 0; i < 128; i++) {
        if (semget(IPC_PRIVATE, 32000, 0600) < 0) return stopped();
    }
    return succeeded("256 MiB of semaphores");
}
