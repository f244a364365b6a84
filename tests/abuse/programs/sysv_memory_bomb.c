/* Fills System V shared memory, which outlives processes. */
#include <sys/shm.h>
#include "abuse.h"
int main(void) {
    for (int i = 0; i < 64; i++) {
        const int id = shmget(IPC_PRIVATE, 16 << 20, 0600);
        char* memory = id < 0 ? (char*)-1 : shmat(id, NULL, 0);
        if (memory == (char*)-1) return stopped();
        memset(memory, 1, 16 << 20);
    }
    return succeeded("1 GiB of System V memory");
}
