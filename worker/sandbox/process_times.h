// Processor time of a living process tree, from /proc: for machines where no cgroup counts it.
#pragma once

#include <sys/types.h>

#include <optional>

#include "shared/time.h"

namespace windlass::worker {

// Of `root`, everything below it, and what these have reaped, in steps of a clock tick (10 ms). Not in it: children
// whose parent ignores SIGCHLD, once they have ended (the kernel forgets them too). No value: `root` is not to be seen.
std::optional<Microseconds> cpu_time_of_tree(pid_t root);

}  // namespace windlass::worker
