/* Maps a file of the host and writes into the mapping. */
#include <sys/mman.h>
#include "abuse.h"
int main(void) {
    const int fd = open("/usr/bin/env", O_RDONLY);
    const void* shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared != MAP_FAILED) return succeeded("a writable mapping");
    void* read_only = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    if (read_only == MAP_FAILED) return 1;
    MUST_FAIL(mprotect(read_only, 4096, PROT_READ | PROT_WRITE));
    return stopped();
}
