// The system call filter of every box, as BPF programs made by libseccomp once and inherited by all: it costs a job
// nothing.
#pragma once

#include <string>
#include <vector>

#include "shared/result.h"

namespace windlass::worker {

struct FilterOptions {
    bool refuse_memory_objects = false;  // no memory controller: memfd and SysV shared memory would be unbounded
    bool allow_clone3 = false;           // the spawner needs it (cgroup v2); a job then gets the job filter as well
};
// The programs in the order in which they are to be loaded. An allow-list (what is not known is ENOSYS, so that C
// libraries fall back), and a few refusals that depend on flags. Foreign architectures are killed.
Result<std::vector<std::string>> make_filters(const FilterOptions& options);
// Refuses clone3, whose flags no filter can see: for the process that becomes the job. A few instructions only, because
// loading it is part of the price of every box.
Result<std::string> make_job_filter();

}  // namespace windlass::worker
