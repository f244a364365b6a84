/* Looks whether others would be killed before it when the machine runs out of memory. */
#include "abuse.h"

int main(void) {
    char text[32] = "";
    const int fd = open("/proc/self/oom_score_adj", O_RDONLY);
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0) return succeeded("cannot look");
    if (atoi(text) < 1000) return succeeded("others are killed before it");
    errno = 0;
    return stopped();
}
