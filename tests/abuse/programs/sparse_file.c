/* Makes a file of a tebibyte, for whoever copies it later. */
#include "abuse.h"
int main(void) {
    signal(SIGXFSZ, SIG_IGN);
    const int fd = open("out/sparse", O_CREAT | O_WRONLY, 0600);
    MUST_FAIL(ftruncate(fd, 1LL << 40));
    return stopped();
}
