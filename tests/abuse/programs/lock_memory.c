/* Locks memory, so that it is never given back. */
#include <sys/mman.h>
#include "abuse.h"
int main(void) {
    static char memory[4 << 20];
    MUST_FAIL(mlock(memory, sizeof memory));
    MUST_FAIL(syscall(SYS_mlock2, memory, sizeof memory, 1));
    MUST_FAIL(mlockall(MCL_CURRENT));
    const void* locked = mmap(NULL, 4 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
    if (locked != MAP_FAILED) return succeeded("MAP_LOCKED");
    return stopped();
}
