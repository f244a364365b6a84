// The layers of the sandbox by name, and a way to leave some of them out. Only in the ablation test: the linker puts
// our functions in the place of make_setup_plan, make_plan and Cgroups::open (--wrap, CMakeLists.txt), so the product
// has no switch, no parameter and no code for this.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace windlass::worker::testing {

enum class Layer {
    // the prepared root, made once
    user_namespace,
    spawner_pid_namespace,
    private_mounts,
    own_root,
    usr_read_only,
    usr_nosuid,
    usr_nodev,
    root_read_only,
    device_noexec,
    network,
    network_per_slot,
    bounding_set,
    no_new_privileges,
    filter,
    // a box, made by its PID 1
    pid_namespace,
    mount_namespace,
    ipc_namespace,
    uts_namespace,
    cgroup_namespace,
    host_name,
    oom_score,
    hidden_pid_one,
    pid_one_capabilities,
    proc_read_only,
    proc_hides_others,
    disk_size,
    inodes,
    work_flags,
    site_read_only,
    site_nosuid,
    site_nodev,
    memory_limit,
    process_limit,
    cpu_limit,
    // the process that becomes the job
    session,
    groups,
    group,
    user,
    capabilities,
    close_descriptors,
    limit_core,
    limit_open_files,
    limit_file_size,
    limit_locked_memory,
    limit_message_queues,
    limit_pending_signals,
    limit_processes_of_user,
    limit_data,
    landlock,
};
using Layers = std::set<Layer>;

std::string_view name(Layer layer);  // "network-per-slot"
const std::vector<Layer>& all_layers();
std::string names(const Layers& layers);  // "filter + landlock"

// Sandboxes that are opened, and boxes that are started, from now on lack these.
void leave_out(const Layers& layers);
// Which of them were really found and left out since leave_out(): a layer that is not there (on this machine, in this
// mode) cannot be removed.
const Layers& left_out();

}  // namespace windlass::worker::testing
