/* Makes empty files. */
#include "abuse.h"
int main(void) {
    char path[64];
    for (int i = 0; i < 100000; i++) {
        snprintf(path, sizeof path, "file-%d", i);
        const int fd = open(path, O_CREAT | O_WRONLY, 0600);
        if (fd < 0) return stopped();
        close(fd);
    }
    return succeeded("100000 files");
}
