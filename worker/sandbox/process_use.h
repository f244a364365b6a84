// What processes use, from /proc: where no cgroup counts it. `proc` is where that is mounted ("/proc"; tests have one
// of their own).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shared/time.h"

namespace windlass::worker {

// `root` and all below it, in no order but for `root` first; empty when it is not to be seen.
std::vector<pid_t> process_tree(const std::string& proc, pid_t root);

// The processes in a cgroup; of very many the first few hundred.
std::vector<pid_t> members_of_group(const std::string& directory);

struct ProcessesUse {
    Microseconds cpu{};             // with that of children that were waited for
    std::int64_t memory_bytes = 0;  // resident; what several share counts in each of them
    std::int64_t processes = 0;     // and threads, without those of `keeper`
    // From and to block devices, with that of children that were waited for. No value: /proc/PID/io may not be read.
    std::optional<std::int64_t> read_bytes;
    std::optional<std::int64_t> written_bytes;
};
// Those that have ended meanwhile count as nothing. `keeper`: PID 1 of the box, which is ours.
ProcessesUse use_of(const std::string& proc, const std::vector<pid_t>& processes, pid_t keeper);

}  // namespace windlass::worker
