/* Sends PID 1 signals that look like the kernel's, or like a timer's. */
#include "abuse.h"
int main(void) {
    for (int code = -6; code <= 0x80; code += code < 0 ? 1 : 0x80) {
        siginfo_t forged = {.si_signo = SIGCHLD, .si_code = code};
        for (int i = 1; i < 65; i++) {
            forged.si_signo = i;
            if (code >= 0) MUST_FAIL(syscall(SYS_rt_sigqueueinfo, 1, i, &forged));
            syscall(SYS_rt_sigqueueinfo, 1, i, &forged);
            syscall(SYS_rt_tgsigqueueinfo, 1, 1, i, &forged);
        }
    }
    errno = 0;
    if (kill(1, 0) != 0 && errno == ESRCH) return succeeded("PID 1 is gone");
    return stopped();
}
