/* Executes what a device returns. */
#include "abuse.h"

#include <sys/mman.h>

int main(void) {
    const int fd = open("/dev/zero", O_RDONLY);
    if (fd < 0) return succeeded("there is nothing to try");
    if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) != MAP_FAILED) return succeeded("mapped");
    return stopped();
}
