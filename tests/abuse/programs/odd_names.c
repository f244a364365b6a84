/* Leaves names that terminals, logs and lists trip over. */
#include "abuse.h"
int main(void) {
    char name[300];
    const char* parts[] = {"\n", "\r", "\033[2J", " ", "\"", "'", "*", "$(reboot)", "\\", "-rf", "\xff\xfe"};
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(name, sizeof name, "out/%s%u", parts[i], i);
        const int fd = open(name, O_CREAT | O_WRONLY, 0600);
        if (fd < 0) return 1;
        close(fd);
    }
    memset(name, 'n', sizeof name);
    memcpy(name, "out/", 4);
    name[4 + 255] = '\0';
    if (open(name, O_CREAT | O_WRONLY, 0600) < 0) return 1;
    return 0;
}
