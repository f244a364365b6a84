// The two backends; see cgroup.h.
#pragma once

#include "worker/sandbox/cgroup.h"

namespace windlass::worker {

// v2 wants no processes in a group that has children with controllers: the worker moves into this leaf of its own
// group.
inline constexpr const char* worker_leaf = "/windlass-worker";
// v2: and for the same reason what holds open a group that was told us (windlass-boxes.service) moves into this one.
inline constexpr const char* holder_leaf = "/holder";
// v2: so much of the worker's memory is never taken from it to give it to jobs.
inline constexpr std::int64_t worker_memory_bytes = 64 * mebibyte;

// Version 2's part of examine_cgroups(): its mount point, the worker's own place in it as in /proc/self/cgroup. Version
// 0: not to be had, and the reasons say why if a group was told us; the caller looks for version 1 if they are empty.
CgroupSupport examine_cgroups_v2(const std::string& mount, const std::string& place, const std::string& told);

Result<std::unique_ptr<Cgroups>> open_cgroups_v2(const CgroupSupport& support, const std::string& name, int slots,
                                                 const Cgroups::Kept& kept);
Result<std::unique_ptr<Cgroups>> open_cgroups_v1(const CgroupSupport& support, const std::string& name, int slots,
                                                 const Cgroups::Kept& kept);

}  // namespace windlass::worker
