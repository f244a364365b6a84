/* Looks for rights that it was left: a user or group of the system, capabilities, the way to new ones. */
#define HARMLESS_AS_ROOT
#include "abuse.h"

#include <grp.h>
#include <sys/prctl.h>

static unsigned long long number_after(const char* status, const char* key) {
    const char* line = strstr(status, key);
    return line ? strtoull(line + strlen(key), NULL, 16) : 0;
}

int main(void) {
    char status[8192] = "";
    gid_t groups[64];
    const int fd = open("/proc/self/status", O_RDONLY);
    if (fd < 0 || read(fd, status, sizeof status - 1) <= 0) return succeeded("cannot look");
    if (getuid() == 0 || geteuid() == 0) return succeeded("it is root");
    if (getgid() == 0 || getegid() == 0) return succeeded("it is in the group of root");
    const int count = getgroups(64, groups);
    for (int i = 0; i < count; i++) {
        if (groups[i] != getgid()) return succeeded("it is in other groups");
    }
    const char* sets[] = {"CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"};
    for (int i = 0; i < 5; i++) {
        if (number_after(status, sets[i]) != 0) return succeeded(sets[i]);
    }
    if (number_after(status, "NoNewPrivs:") != 1) return succeeded("new privileges");
    if (number_after(status, "Seccomp:") != 2) return succeeded("no filter");
    errno = EPERM;
    return stopped();
}
