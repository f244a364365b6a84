// The vocabulary in which a box is described: plain data that the worker writes (plan.h), the spawner carries over a
// socket and PID 1 walks through without allocating (apply.h). No C++ library: the spawner is a small static program.
//
// A blob is: BlobHeader, then the steps, then the arena (strings, file contents, and room for the pointers of execve).
#pragma once

#include <cstdint>

namespace windlass::worker {

enum class StepKind : std::uint32_t {
    // Made once, by the spawner itself.
    unshare_namespaces,   // value: CLONE_NEW… flags
    write_proc_file,      // subject: path, object: text
    make_id_maps,         // value: how many, extra: first uid. For images: what root owns belongs to the job (site_root.h)
    make_mounts_follow,   // what is mounted outside later is seen here, and nothing the other way round
    keep_host_mounts,     // these mounts, of the whole machine, for look_at_host
    become_init,          // fork: the child goes on as PID 1 of the new pid namespace, the parent guards it
    make_mounts_private,  // nothing mounted here is seen outside
    bind_tree,            // subject: where, object: from, value: MOUNT_ATTR_… added to the whole tree
    make_link,            // subject: path, object: target
    change_root,          // "." becomes "/", the old root is gone
    protect_mount,        // subject: where, value: MOUNT_ATTR_…
    make_networks,        // value: how many empty network namespaces (one per slot)
    open_null,            // the stdin of every job
    open_proc,            // the directory /proc of the spawner's own view, for oom_score_adj
    drop_bounding_set,    // no program started from here on can gain a capability
    no_new_privileges,    // … nor by a setuid file
    load_filter,          // subject: seccomp BPF of `size` bytes, inherited by every box
    // Made anew for every box, by its PID 1 …
    enter_cgroup,         // value: which of the slot's cgroup.procs files
    join_network,         // the slot's empty network namespace
    join_own_network,     // … or the one that was made for this job, with its egress rule
    set_hostname,         // subject
    set_title,            // subject: what ps shows
    set_oom_score,        // object: text for oom_score_adj
    mount_proc,           // subject: where, value: MS_… flags, object: options
    mount_tmpfs,          // subject: where, value: MS_… flags, object: options
    look_at_host,         // into the mounts that were kept, to take trees of them …
    take_tree,            // subject: directory, value: MOUNT_ATTR_…, size: its number, extra: 1: as the slot's id map says
    leave_host,           // … and back to the box's own
    attach_tree,          // subject: where, size: its number
    set_file_owner,       // value: uid, extra: gid: whose the files are that are made from here on
    mount_overlay,        // subject: where, value: MS_… flags, object: options
    open_work_directory,  // subject: kept for the worker, who collects results there
    hide_from_job,        // PID 1 cannot be traced or read
    // … and by the process that becomes the job.
    new_session,
    connect_streams,  // stdin from null, stdout and stderr to the worker's pipes
    set_limit,        // value: RLIMIT_…, extra: the limit, soft and hard
    drop_groups,      // no supplementary groups
    set_group,        // value: gid
    set_user,         // value: uid
    clear_capabilities,
    set_file_mask,  // value
    default_signals,
    close_descriptors,  // all from 3 on, at exec
    enter_directory,    // subject
    make_directory,     // subject, value: mode
    make_file,          // subject, object: content of `size` bytes, value: mode
    landlock_begin,  // value: file-system rights that are governed, extra: network rights | scopes << 32, size: of the
                     // attribute
    landlock_allow,  // subject: path, value: rights granted beneath it
    landlock_enforce,
    // Executes, and if that fails goes on with the next step as if nothing had been tried. Fields as below.
    execute_if_possible,
    try_to_execute,  // the same, for a program that is looked for in one directory after the other
    execute,         // subject: program, value: arena offset of the pointer table, size: arguments, extra: environment entries
};

struct Step {
    StepKind kind{};
    std::uint32_t subject = 0;  // arena offset of a NUL-terminated string (or of bytes)
    std::uint32_t object = 0;   // likewise
    std::uint32_t size = 0;
    std::uint64_t value = 0;
    std::uint64_t extra = 0;
};

struct BlobHeader {
    std::uint32_t first_steps = 0;   // of the spawner (set-up) or of PID 1 (box)
    std::uint32_t second_steps = 0;  // of the job process; 0 in a set-up
    std::uint32_t arena_bytes = 0;
    std::uint32_t namespaces = 0;  // CLONE_NEW… flags with which PID 1 of a box is born; 0 in a set-up
};

static_assert(sizeof(Step) == 32 && sizeof(BlobHeader) == 16, "steps and arena stay aligned to 8 bytes");

// The argument and environment strings of `execute` lie one after the other in the arena from Step::object on; their
// pointers are filled into the table in place: arguments, null, environment, null.

}  // namespace windlass::worker
