// Control groups: what bounds memory, processes and processor time of a box as a whole. One group per slot, recycled.
// Two backends behind one interface: cgroup v2 below a delegated directory, and cgroup v1 (hybrid machines, root only).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/limits.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::worker {

// What a machine offers. An empty reason means: offered.
struct CgroupSupport {
    int version = 0;            // 2, 1, or 0: none at all
    std::string top;            // v2: where the hierarchy is mounted
    std::string base;           // v2: the directory below which ours is made
    bool worker_moves = false;  // v2: the worker is in it and must first move into a leaf of its own
    bool is_told = false;       // v2: it is another unit's, whose one process holds it open and must move into a leaf
    // v1: memory, pids, cpu, cpuacct; empty where missing, and the last one also where it is mounted with cpu.
    std::vector<std::string> bases;
    bool counts_cpu_with_quota = false;  // v1: cpu and cpuacct are one hierarchy
    bool counts_io = false;              // v2: the controller io can be had
    std::string missing_memory;          // why not
    std::string missing_processes;
    std::string missing_cpu;
    std::string fix;  // of what is missing: the command that brings it
};
// `told`: where the groups are to be made with v2, as in SandboxSettings::cgroup_base; empty: it finds a place itself.
CgroupSupport examine_cgroups(const std::string& told = "");

// A box is born inside its v2 group by clone3, which not everybody may call who may do all else: the filters of
// systemd's RestrictNamespaces= and of some containers answer it with ENOSYS. Jobs would fail one by one.
Status check_birth_in_group();

struct CgroupReading {
    std::int64_t memory_kills = 0;  // processes killed because memory.max was reached, in this run
    std::int64_t peak_memory_bytes = 0;
    std::optional<Microseconds> cpu_user;  // of every process, also those nobody reaped
    std::optional<Microseconds> cpu_system;
    std::int64_t process_refusals = 0;  // forks that the limit of processes refused, in this run
    // Processes and threads at the same time, PID 1 of the box not counted; 0: not known. Exact above
    // small_peak_processes; a run of fewer may be told as up to that many (the kernel's mark cannot be reset).
    std::int32_t peak_processes = 0;
    std::int64_t read_bytes = 0;  // from and to block devices; 0 also where nobody counts
    std::int64_t written_bytes = 0;
    // v2: how long all of it stood still for lack of memory, and some of it for lack of a processor.
    Microseconds memory_stall{};
    Microseconds cpu_stall{};
};

// What a group uses at this moment. No value: nobody counts it.
struct CgroupUse {
    std::optional<Microseconds> cpu;  // in this run so far, of living and dead
    std::optional<std::int64_t> memory_bytes;
    std::optional<std::int64_t> processes;   // and threads, PID 1 of the box not counted
    std::optional<std::int64_t> read_bytes;  // in this run so far, from and to block devices
    std::optional<std::int64_t> written_bytes;
};

class Cgroups {
  public:
    // The groups of slots whose boxes a past life left running, in its words().
    using Kept = std::map<int, std::string>;
    // Makes the groups below `name`, kills and removes what a past life left there, but for `kept`. The caller holds
    // the lock that says no other life is alive. Null when the machine offers nothing.
    //   invalid  these are no words of ours
    static Result<std::unique_ptr<Cgroups>> open(const CgroupSupport& support, const std::string& name, int slots,
                                                 const Kept& kept = {});
    virtual ~Cgroups() = default;  // removes the groups

    // Readies the group of a free slot for a job. True: the files to enter it by have changed since the last call.
    //   not_found  v2: what all groups lie in was taken away, and nothing can be started any more
    virtual Result<bool> prepare(int slot, const Limits& limits) = 0;
    // v1: a process that writes "0" into each of these files is inside. v2: the directory, for clone3 with
    // CLONE_INTO_CGROUP. Owned by this object.
    virtual const std::vector<int>& entrances(int slot) const = 0;
    virtual bool entered_by_birth() const = 0;  // v2
    // Processor time used in this run so far, of living and dead; no value: nobody counts it.
    virtual std::optional<Microseconds> cpu_used(int slot) const = 0;
    // While a box runs. A few small reads of open files.
    virtual CgroupUse use(int slot) const = 0;
    // The directory whose cgroup.procs names the processes of the slot; empty: none.
    virtual std::string members_directory(int slot) const = 0;
    // Of a prepared slot: which groups these are and what they counted before this run, for the next life.
    virtual std::string words(int slot) const = 0;
    // After the end of a box. Kills what might be left, which should be nothing.
    virtual CgroupReading collect(int slot) = 0;
    virtual int version() const = 0;
};

// A recycled group still charged with more than this (pages of files, a results directory not yet dropped) is replaced.
inline constexpr std::int64_t clean_enough_bytes = 4 * mebibyte;
// Likewise one whose highest number of processes was above this: pids.peak only ever grows, and the next run must not
// be told its predecessor's. Not zero, because a new group costs what thirty system calls do.
inline constexpr std::int32_t small_peak_processes = 4;

}  // namespace windlass::worker
