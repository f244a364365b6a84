/* Reads one byte of every 2 MiB: no memory of its own, but a table for each. */
#include <sys/mman.h>
#include "abuse.h"
int main(void) {
    const size_t step = 2UL << 20;
    const size_t count = 65536;
    volatile char* memory = mmap(NULL, step * count, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return stopped();
    madvise((void*)memory, step * count, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < count; i++) (void)memory[i * step];
    return succeeded("256 MiB of page tables");
}
