/* Dumps core into the host's hands. */
#include <sys/resource.h>
#include "abuse.h"
int main(void) {
    const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_CORE, &unlimited);
    const pid_t child = fork();
    if (child == 0) abort();
    int status = 0;
    waitpid(child, &status, 0);
    if (WCOREDUMP(status)) return succeeded("core dumped");
    return stopped();
}
