// Carries out steps. Runs in the spawner, in PID 1 of a box, and in the process that becomes the job, between vfork and
// exec: raw system calls only, no allocation, no locks. The first step that fails ends the walk.
#pragma once

#include <cstddef>

#include "worker/sandbox/step.h"
#include "worker/sandbox/wire.h"

namespace windlass::worker {

struct Blob {
    BlobHeader* header = nullptr;
    Step* steps = nullptr;
    char* arena = nullptr;
};

// Null header if the bytes are not a whole blob. `bytes` must be aligned to 8.
Blob open_blob(void* bytes, std::size_t size);

// What the steps work on. The spawner fills the first part once; a box gets a copy.
struct Context {
    int null_fd = -1;
    int proc_fd = -1;
    int networks[max_slots];
    int host_mounts = -1;    // a mount namespace
    int id_maps[max_slots];  // user namespaces
    bool has_id_maps = false;
    // one box
    int slot = 0;
    int stdout_fd = -1;
    int stderr_fd = -1;
    int own_network_fd = -1;
    int work_directory_fd = -1;
    int ruleset_fd = -1;
    int own_mounts = -1;
    int trees[max_trees];
    int cgroup_files[max_cgroup_files];
    // how far the walk has come: PID 1 reads it when the process that becomes the job was killed on the way
    int current_step = -1;
    bool executing = false;
    bool executed_first_choice = false;  // set before trying, taken back if it fails
};

struct Failure {
    int step = -1;  // index into the steps that were given; -1: none failed
    int error = 0;
};

// Steps [first, first + count) of the blob.
Failure apply(const Blob& blob, std::uint32_t first, std::uint32_t count, Context& context);

// Drops every capability outside the mask (of capabilities 0 to 31). 0, or -1 with errno.
int keep_capabilities(std::uint32_t low_mask);

}  // namespace windlass::worker
