// After a kill -9 of `windlass dev` its daemons are told to end by the kernel, but may still be about it when the next
// dev starts on the same directory. A pid alone may have been given to a stranger meanwhile; pid and start time cannot.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "shared/result.h"

namespace windlass::cli {

// One line per process that exists: "pid start-time".
std::string describe_processes(const std::vector<pid_t>& pids);

// Waits a moment for the processes that `file` describes, then kills those that are left, and waits for their end.
// No file: nothing to do.
Status end_daemons_left_behind(const std::string& file);

}  // namespace windlass::cli
