// The floor of every workload: programs in the bare sandbox, without any daemon around it.
#pragma once

#include <string>
#include <vector>

namespace windlass::bench {

struct SandboxRun {
    double wall_seconds = 0;
    double cpu_seconds = 0;  // of this process and of everything the sandbox reaped
};

// Runs `command` `runs` times, `at_once` boxes at a time. Ends the program if a run fails.
SandboxRun run_in_bare_sandbox(const std::vector<std::string>& command, int runs, int at_once);

}  // namespace windlass::bench
