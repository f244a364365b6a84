/* Fills the file system below the directory that is named. */
#include "abuse.h"
int main(int argc, char** argv) {
    static char block[1 << 20];
    char path[256];
    memset(block, 1, sizeof block);
    signal(SIGXFSZ, SIG_IGN);
    for (int i = 0; i < 512; i++) {
        snprintf(path, sizeof path, "%s/fill-%d", argc > 1 ? argv[1] : ".", i);
        const int fd = open(path, O_CREAT | O_WRONLY, 0600);
        if (fd < 0 || write(fd, block, sizeof block) != (ssize_t)sizeof block) return stopped();
        close(fd);
    }
    return succeeded("512 MiB of files");
}
