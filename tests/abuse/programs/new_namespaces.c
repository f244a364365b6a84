/* Makes namespaces, in every way there is. */
#include <linux/sched.h>
#include <sched.h>
#include "abuse.h"
int main(void) {
    const int flags[] = {CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,    CLONE_NEWNET,
                         CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP, 0x80};
    for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++) {
        MUST_FAIL(unshare(flags[i]));
        MUST_FAIL(unshare(CLONE_NEWUSER | flags[i]));
        if (flags[i] == 0x80) continue; /* clone takes it for a signal */
        const long child = syscall(SYS_clone, (long)flags[i] | SIGCHLD, 0, 0, 0, 0);
        if (child == 0) _exit(0);
        if (child > 0) return succeeded("clone");
    }
    struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
    const long child = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child == 0) _exit(0);
    if (child > 0) return succeeded("clone3");
    return stopped();
}
