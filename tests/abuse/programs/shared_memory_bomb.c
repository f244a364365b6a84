/* Fills shared anonymous memory, which no limit of a process counts. */
#include <sys/mman.h>
#include "abuse.h"
int main(void) {
    for (int i = 0; i < 1024; i++) {
        char* memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) return stopped();
        memset(memory, 1, 1 << 20);
    }
    return succeeded("1 GiB of shared memory");
}
