/* Reserves the whole disk without writing a byte. */
#include "abuse.h"
int main(void) {
    signal(SIGXFSZ, SIG_IGN);
    const int fd = open("out/reserved", O_CREAT | O_RDWR, 0600);
    MUST_FAIL(fallocate(fd, 0, 0, 1LL << 30));
    MUST_FAIL(fallocate(fd, 1 /* FALLOC_FL_KEEP_SIZE */, 0, 1LL << 30));
    MUST_FAIL(posix_fallocate(fd, 0, 1LL << 40) == 0 ? 0 : -1);
    unlink("out/reserved");
    return stopped();
}
