/* Becomes the user of the job next door. */
#include <grp.h>
#include "abuse.h"
int main(void) {
    for (int step = -8; step <= 8; step++) {
        if (step == 0) continue;
        const uid_t other = getuid() + step;
        const gid_t group = getgid() + step;
        MUST_FAIL(setresuid(other, -1, -1));
        MUST_FAIL(setresuid(-1, -1, other));
        MUST_FAIL(setresgid(group, group, group));
        MUST_FAIL(setgroups(1, &group));
        syscall(SYS_setfsuid, other);
        if ((uid_t)syscall(SYS_setfsuid, -1) == other) return succeeded("setfsuid");
    }
    return stopped();
}
