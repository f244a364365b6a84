// The system call filter of every box, as BPF programs made by libseccomp once and inherited by all: it costs a job
// nothing.
#pragma once

#include <string>
#include <vector>

#include "shared/result.h"

namespace windlass::worker {

struct FilterOptions {
    bool refuse_memory_objects = false;  // no memory controller: memfd and SysV shared memory would be unbounded
};
// The programs in the order in which they are to be loaded. An allow-list (what is not known is ENOSYS, so that C
// libraries fall back), and a few refusals that depend on flags. Foreign architectures are killed.
Result<std::vector<std::string>> make_filters(const FilterOptions& options);

}  // namespace windlass::worker
