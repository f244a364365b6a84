/* Looks for addresses of the kernel and of memory. */
#include "abuse.h"
int main(void) {
    const char* files[] = {"/proc/kallsyms", "/proc/modules", "/proc/iomem", "/proc/vmallocinfo", "/proc/timer_list"};
    char line[512];
    for (int i = 0; i < 5; i++) {
        FILE* file = fopen(files[i], "r");
        while (file != NULL && fgets(line, sizeof line, file) != NULL) {
            if (strstr(line, "ffffffff") != NULL || strstr(line, "0xffff") != NULL) return succeeded(files[i]);
        }
    }
    unsigned long long entry = 0;
    volatile char here = 1;
    const int pages = open("/proc/self/pagemap", O_RDONLY);
    if (pages >= 0 && pread(pages, &entry, sizeof entry, (long)&here / 4096 * 8) == 8 && (entry << 9) != 0) {
        if ((entry & ((1ULL << 55) - 1)) != 0) return succeeded("physical addresses");
    }
    MUST_FAIL(read(open("/proc/self/stack", O_RDONLY), &entry, sizeof entry));
    errno = EPERM;
    return stopped();
}
