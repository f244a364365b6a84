// What this machine can protect with, and whether that is enough.
#pragma once

#include "worker/sandbox/cgroup.h"
#include "worker/sandbox/sandbox.h"

namespace windlass::worker {

struct Machine {
    bool rootless = false;
    uid_t uid = 0;
    gid_t gid = 0;
    CgroupSupport cgroups;
    int landlock_abi = 0;
    std::vector<Finding> findings;  // one per protection, in the order of the enum; job_network only when it is offered

    bool has(Protection protection) const { return findings[static_cast<std::size_t>(protection)].present; }
};
Machine examine_machine(const SandboxSettings& settings);

// Denied, with a sentence for each protection that is missing and not named in allow_weaker.
Status check_protections(const Machine& machine, const std::vector<Protection>& allow_weaker);

}  // namespace windlass::worker
