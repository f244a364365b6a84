// The two backends; see cgroup.h.
#pragma once

#include "worker/sandbox/cgroup.h"

namespace windlass::worker {

// v2 wants no processes in a group that has children with controllers: the worker moves into this leaf of its own
// group.
inline constexpr const char* worker_leaf = "/windlass-worker";
// v2: so much of the worker's memory is never taken from it to give it to jobs.
inline constexpr std::int64_t worker_memory_bytes = 64 * mebibyte;

Result<std::unique_ptr<Cgroups>> open_cgroups_v2(const CgroupSupport& support, const std::string& name, int slots,
                                                 const Cgroups::Kept& kept);
Result<std::unique_ptr<Cgroups>> open_cgroups_v1(const CgroupSupport& support, const std::string& name, int slots,
                                                 const Cgroups::Kept& kept);

}  // namespace windlass::worker
