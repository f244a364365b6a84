/* Learns its place in the tree of cgroups, and with it names of the host. */
#include "abuse.h"

int main(void) {
    char line[512];
    FILE* file = fopen("/proc/self/cgroup", "r");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        const char* path = strchr(line, '/');
        if (path && strcmp(path, "/") != 0) return succeeded(path);
    }
    errno = 0;
    return stopped();
}
