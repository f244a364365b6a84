#include "worker/sandbox/guard.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>

namespace windlass::worker {
namespace {

bool outlives_worker = false;

[[noreturn]] void guard(pid_t child) {
    // The kernel sends this signal when the *thread* that started us ends, which may be long before its process does:
    // so it is a question, not an order.
    const pid_t parent = getppid();
    if (!outlives_worker) prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_SET_NAME, "windlass-guard", 0, 0, 0);
    syscall(SYS_close_range, 0U, ~0U, 0U);  // above all the socket: its end-of-file must mean what it says
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    for (;;) {
        if (!outlives_worker && getppid() != parent) _exit(0);
        int status = 0;
        if (waitpid(child, &status, WNOHANG) == child) {
            _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        }
        sigwaitinfo(&signals, nullptr);
    }
}

}  // namespace

int become_init() {
    sigset_t signals;  // blocked before the fork, so that neither signal can come too early to be seen
    sigset_t before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, &before);
    const pid_t child = fork();
    if (child < 0) return -1;
    if (child > 0) guard(child);
    sigprocmask(SIG_SETMASK, &before, nullptr);
    if (getpid() != 1) {
        errno = ECHILD;  // no pid namespace was unshared: nothing here may run
        return -1;
    }
    return prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void outlive_the_worker() {
    outlives_worker = true;
}

}  // namespace windlass::worker
