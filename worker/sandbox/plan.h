// What is done to make the prepared root, and to make a box: a list of named steps that a person can read in order.
// Pure: the host is described by a value, nothing is asked and nothing is done here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "worker/sandbox/sandbox.h"
#include "worker/sandbox/step.h"

namespace windlass::worker {

// A list of steps with the strings they name. `first` belongs to the spawner or to PID 1, `second` to the job process.
class Plan {
  public:
    void first(StepKind kind, const Step& step = {}) { add(first_, kind, step); }
    void second(StepKind kind, const Step& step = {}) { add(second_, kind, step); }
    // CLONE_NEW… flags: what PID 1 of the box is born into, before its first step.
    void born_into(std::uint64_t namespaces) { namespaces_ = namespaces; }
    std::uint64_t namespaces() const { return namespaces_; }
    // Places bytes in the arena, NUL-terminated; the offset.
    std::uint32_t text(std::string_view bytes);
    std::uint32_t aligned(std::string_view bytes);
    // Room for pointers, aligned.
    std::uint32_t pointers(std::size_t count);

    std::size_t first_count() const { return first_.size(); }
    std::size_t size() const { return first_.size() + second_.size(); }
    const Step& step(std::size_t index) const;
    const char* string(std::uint32_t offset) const { return arena_.data() + offset; }
    std::string bytes() const;  // BlobHeader, steps, arena

  private:
    friend class PlanEditor;  // of tests/abuse, which leaves layers out to see who notices; the product has none
    static void add(std::vector<Step>& list, StepKind kind, Step step) {
        step.kind = kind;
        list.push_back(step);
    }

    std::uint64_t namespaces_ = 0;
    std::vector<Step> first_;
    std::vector<Step> second_;
    std::string arena_ = std::string(1, '\0');  // offset 0 is the empty string
};

// One step in words, fit to go before ": Operation not permitted": "mount proc on /proc".
std::string describe(const Plan& plan, std::size_t index);
// One line a step, with numbers and options: for people and for golden tests.
std::string print(const Plan& plan);

// What of the host goes into the prepared root.
struct HostFile {
    std::string path;     // "/etc/ld.so.cache"
    std::string content;  // of a file
    std::string link;     // target of a symbolic link; empty: a file
};
struct HostFacts {
    std::vector<std::string>
        directories;              // bound read-only, with what is mounted below: "/usr", and /lib where it is no link
    std::vector<HostFile> files;  // copied once; parents are made
};

struct SetupOptions {
    bool rootless = false;
    uid_t uid = 0;  // rootless: the one id that exists inside
    gid_t gid = 0;
    std::string mount_point;  // an empty directory of ours
    int slots = 1;
    bool networks = true;              // false: boxes share the worker's network (allow_weaker)
    std::vector<std::string> filters;  // seccomp BPF programs
    bool other_roots = false;          // boxes may have images and data sets
    uid_t first_uid = 0;               // of the slots' users, where those are not one
};
Plan make_setup_plan(const HostFacts& host, const SetupOptions& options);

struct BoxOptions {
    bool rootless = false;
    uid_t uid = 0;  // of the job
    gid_t gid = 0;
    int cgroup_files = 0;
    bool network = true;   // false: boxes share the worker's network (allow_weaker), unless the job has its own
    int landlock_abi = 0;  // 0: none
    std::string filter;    // BPF for the job alone, on top of what it inherits; may be empty
    // No memory controller: bound the private memory of each process instead. No pids controller: count by user.
    bool limit_memory_by_process = false;
    bool limit_processes_by_user = false;
    std::string resolver;  // address of the name server, for a job with an image and a network
};
// Invalid when the spec itself is wrong: no argv, a NUL byte, a file name that leaves the working directory.
Result<Plan> make_plan(const BoxSpec& spec, const BoxOptions& options);

}  // namespace windlass::worker
