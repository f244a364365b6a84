/* Maps the first page, at which the kernel's null pointers point. */
#include <sys/mman.h>
#include "abuse.h"
int main(void) {
    const void* page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE, -1, 0);
    if (page != MAP_FAILED) return succeeded("page zero");
    MUST_FAIL(mremap(malloc(1 << 20), 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, NULL) == MAP_FAILED ? -1 : 0);
    return stopped();
}
