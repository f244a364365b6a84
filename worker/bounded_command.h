// Runs one of somebody else's programs to its end, in a time and with an output that are bounded. Waits for it, so not
// on the loop's thread; any other.
//
// The program starts with the given environment and no other, nothing on its standard input, in a process group of its
// own, with no signal blocked and no descriptor of ours. Whatever of its group is left at the deadline is killed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "shared/result.h"
#include "shared/time.h"

namespace windlass::worker {

struct BoundedCommand {
    std::vector<std::string> argv;         // argv[0] is a path
    std::vector<std::string> environment;  // NAME=VALUE
    Milliseconds deadline{10'000};
    std::size_t most_bytes = 256 * 1024;  // of what it says on either stream; who says more is killed
};

struct CommandSaid {
    int status = 0;  // its exit code; 128 and the signal that ended it
    std::string out;
    std::string err;
};

// unavailable: it could not be started, gave no answer in time, or said too much. It may have done its work all the
// same.
Result<CommandSaid> run_bounded(const BoundedCommand& command);

// In front of a program that runs as another user, and with no privilege: setpriv of util-linux. Only root may.
std::vector<std::string> as_user(unsigned uid, unsigned gid, bool with_groups);

}  // namespace windlass::worker
