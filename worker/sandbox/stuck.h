// Processes that were killed and do not end: in uninterruptible sleep (state D: a dead disk or network file system), or
// frozen in a cgroup v1. The signal stays pending, so none of them ever returns to its program; but as long as they
// exist so does their box. Looked for in /proc, from outside.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace windlass::worker {

struct StuckProcess {
    pid_t pid = 0;
    std::string name;          // as ps shows it
    char state = '?';          // of /proc/PID/stat
    std::string wait_channel;  // the function of the kernel in which it waits; "unknown" where that is hidden
    std::string box;           // "100000042.1"; empty: not one of a box
};

// Those below any spawner of this machine, whoever's it is, that have SIGKILL pending at this moment. A process that
// dies normally is among them for less than a millisecond: ask twice.
std::vector<StuckProcess> stuck_processes();
// "process 4711 (dd) of box 100000042.1 was killed and does not end: state D, waits in the kernel in nfs_wait_bit"
std::string in_words(const StuckProcess& process);

}  // namespace windlass::worker
