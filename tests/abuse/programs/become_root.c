/* Becomes root, by system call and by programs that carry the right. */
#include "abuse.h"
int main(void) {
    MUST_FAIL(setresuid(0, 0, 0));
    MUST_FAIL(setresgid(0, 0, 0));
    const char* programs[] = {"/usr/bin/su", "/usr/bin/mount", "/usr/bin/passwd", "/usr/bin/newgrp"};
    for (unsigned i = 0; i < 4; i++) {
        const pid_t child = fork();
        if (child == 0) {
            execl("/bin/sh", "sh", "-c",
                  "exec \"$0\" --help < /dev/null > /dev/null 2>&1 & p=$!; grep -s '^Uid:.*[^0-9]0[^0-9]' "
                  "/proc/$p/status",
                  programs[i], (char*)NULL);
            _exit(99);
        }
        int status = 0;
        waitpid(child, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return succeeded(programs[i]);
    }
    errno = EPERM;
    return stopped();
}
