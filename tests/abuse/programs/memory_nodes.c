/* Moves the memory of others between nodes. */
#include <sys/mman.h>
#include "abuse.h"
int main(void) {
    unsigned long nodes[2] = {1, 0};
    void* page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST_BE_REFUSED(syscall(SYS_migrate_pages, 1, 1, nodes, nodes));
    MUST_BE_REFUSED(syscall(SYS_move_pages, 1, 0, NULL, NULL, NULL, 0));
    MUST_BE_REFUSED(syscall(SYS_set_mempolicy, 0, NULL, 0));
    MUST_BE_REFUSED(syscall(SYS_mbind, page, 4096, 0, NULL, 0, 0));
    MUST_BE_REFUSED(syscall(SYS_process_madvise, -1, NULL, 0, 4, 0));
    return stopped();
}
