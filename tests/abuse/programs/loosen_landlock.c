/* Restricts itself to everything, in the hope that the last word counts. */
#include "abuse.h"
int main(void) {
    const unsigned long long governed = 1 << 1; /* write files */
    const int rules = (int)syscall(444 /* landlock_create_ruleset */, &governed, sizeof governed, 0);
    if (rules >= 0) {
        struct __attribute__((packed)) {
            unsigned long long allowed;
            int parent;
        } everywhere = {1 << 1, open("/", O_PATH | O_DIRECTORY)};
        syscall(445 /* landlock_add_rule */, rules, 1, &everywhere, 0);
        syscall(446 /* landlock_restrict_self */, rules, 0);
    }
    MUST_FAIL(open("/usr/bin/env", O_WRONLY));
    MUST_FAIL(open("/etc/passwd", O_WRONLY));
    MUST_FAIL(open("/proc/self/oom_score_adj", O_WRONLY));
    return stopped();
}
