// Runs a tool that reads what strangers made (skopeo, umoci) where it can do no harm: as a user without rights, in
// mounts, processes and a session of its own, without a network unless it needs one, under Landlock, and inside one
// directory. Its time and what it writes are watched; what it started ends with it. Rootless it gets its namespaces
// from a user namespace; where an ordinary user may have none, it fails. Blocking; for a program with one thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "shared/result.h"
#include "shared/time.h"
#include "worker/images/tree.h"

namespace windlass::worker {

struct Confinement {
    std::string directory;  // absolute; the tool's working directory, the only one that it may write
    uid_t uid = 0;          // as root: whom the tool runs as. The directory and all in it must be this user's
    bool network = false;
    TreeLimits limits;  // of the directory
    SteadyTime deadline;
};

// `argv[0]` is a path. When it ends well: what it printed to stdout (its end, if it was much). Else the sentence that
// says what was wrong, with the end of what it said.
Result<std::string> run_confined(const std::vector<std::string>& argv, const Confinement& confinement);

}  // namespace windlass::worker
