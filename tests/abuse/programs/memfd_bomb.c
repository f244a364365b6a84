/* Fills files that exist in memory only. */
#include <sys/mman.h>
#include "abuse.h"
int main(void) {
    static char block[1 << 20];
    memset(block, 1, sizeof block);
    signal(SIGXFSZ, SIG_IGN);
    int fd = -1;
    for (int i = 0; i < 1024; i++) {
        if (i % 16 == 0) fd = memfd_create("bomb", 0);
        if (fd < 0 || write(fd, block, sizeof block) < 0) return stopped();
    }
    return succeeded("1 GiB in memfds");
}
