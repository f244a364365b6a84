/* Splits its memory into as many mappings as it can. */
#include <sys/mman.h>
#include "abuse.h"
int main(void) {
    for (int i = 0; i < 200000; i++) {
        const int protection = i % 2 != 0 ? PROT_READ : PROT_NONE;
        if (mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED) return stopped();
    }
    return succeeded("200000 mappings");
}
