/* What every hostile program needs. Each tries one thing: exit status 0 if it succeeded (the sandbox failed), 10 if it
   was stopped, 20 if it refused to try because it is not in a box. */
#ifndef ABUSE_H
#define ABUSE_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static int succeeded(const char* what) {
    printf("SUCCEEDED: %s\n", what);
    fflush(stdout);
    return 0;
}

static int stopped(void) {
    printf("stopped: %s\n", strerror(errno));
    fflush(stdout);
    return 10;
}

/* Ends the program as a success of the attack if the call did not fail. */
#define MUST_FAIL(call)                          \
    do {                                         \
        if ((call) >= 0) exit(succeeded(#call)); \
    } while (0)

/* The same, and the call must not even have reached the code that looks at its arguments. */
#define MUST_BE_REFUSED(call)                                                                    \
    do {                                                                                         \
        if ((call) >= 0) exit(succeeded(#call));                                                 \
        if (errno != EPERM && errno != ENOSYS) exit(succeeded("it reached the kernel: " #call)); \
    } while (0)

/* The bombs are real: never outside, and never as root but for those that say before this header that they do no harm
   (HARMLESS_AS_ROOT): in a sandbox of which a layer was left out, some of them must be able to be root. */
__attribute__((constructor)) static void only_in_a_box(void) {
#ifndef HARMLESS_AS_ROOT
    if (geteuid() == 0) _exit(20);
#endif
    if (access("/job/.shm", F_OK) != 0 || access("/etc/shadow", F_OK) == 0) _exit(20);
    (void)succeeded;
    (void)stopped;
}
#endif
