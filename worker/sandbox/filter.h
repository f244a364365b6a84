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
    // No box of this sandbox has a network, so none needs IP sockets: their kernel code is out of reach, and nothing
    // can be left in the counters of a network namespace that another job gets. Where some boxes have one, the others
    // get the job filter.
    bool refuse_ip_sockets = false;
    bool allow_other_roots = false;  // boxes may be given images and data sets: what PID 1 needs for them
};
// The programs in the order in which they are to be loaded. An allow-list (what is not known is ENOSYS, so that C
// libraries fall back), and a few refusals that depend on flags. Foreign architectures are killed.
Result<std::vector<std::string>> make_filters(const FilterOptions& options);
// For the process that becomes the job, what all boxes could not inherit. A few instructions only, because loading it
// is part of the price of every box that has it. Empty when nothing is asked for.
struct JobFilterOptions {
    bool refuse_clone3 = false;  // its flags no filter can see
    bool refuse_ip_sockets = false;
};
Result<std::string> make_job_filter(const JobFilterOptions& options);

}  // namespace windlass::worker
