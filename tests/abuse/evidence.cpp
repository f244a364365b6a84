#include "tests/abuse/evidence.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <initializer_list>

namespace windlass::worker::testing {
namespace {

using L = Layer;
const std::vector<Row> rows = {
    {{L::own_root}, "host_files"},
    {{L::usr_read_only, L::landlock}, "write_system_file"},
    {{L::usr_nosuid, L::no_new_privileges, L::landlock}, "run_setuid", Mode::root},
    {{L::usr_nosuid, L::no_new_privileges, L::landlock, L::proc_hides_others}, "become_root", Mode::root},
    {{L::usr_nodev}, "use_device"},
    {{L::root_read_only}, "change_attributes", Mode::rootless},
    {{L::root_read_only, L::landlock}, "write_root", Mode::rootless},
    {{L::root_read_only, L::landlock, L::user}, "write_root", Mode::root},
    {{L::root_read_only, L::landlock}, "climb_out", Mode::rootless},
    {{L::root_read_only, L::landlock}, "reopen_for_writing", Mode::rootless},
    {{L::root_read_only, L::landlock}, "unnamed_files", Mode::rootless},
    {{L::device_noexec}, "map_device"},
    {{L::network, L::filter}, "connect_fast_open"},
    {{L::network, L::filter}, "connect_other_transports"},
    {{L::network, L::filter}, "send_udp"},
    {{L::network, L::landlock, L::filter}, "connect_tcp"},
    {{L::network, L::landlock, L::filter}, "connect_tcp6"},
    {{L::network, L::landlock}, "connect_abstract"},
    {{L::bounding_set}, "left_privileges"},
    {{L::no_new_privileges, L::landlock}, "secure_bits"},
    {{L::filter}, "aio_contexts"},
    {{L::filter}, "compare_pointers"},
    {{L::filter}, "disk_quota"},
    {{L::filter}, "every_family"},
    {{L::filter}, "file_handles"},
    {{L::filter}, "foreign_calls"},
    {{L::filter}, "keyrings"},
    {{L::filter}, "loosen_filter"},
    {{L::filter}, "make_setuid"},
    {{L::filter}, "memory_nodes"},
    {{L::filter}, "new_mount_calls"},
    {{L::filter}, "new_namespaces"},
    {{L::filter}, "old_calls"},
    {{L::filter}, "page_faults"},
    {{L::filter}, "perf_counters"},
    {{L::filter}, "personalities"},
    {{L::filter}, "secret_memory"},
    {{L::filter}, "steal_descriptor"},
    {{L::filter}, "submission_ring"},
    {{L::filter}, "trace_others"},
    {{L::filter}, "unusual_sockets"},
    {{L::filter}, "watch_file_system"},
    {{L::filter}, "wide_interfaces"},
    {{L::filter}, "write_into_others"},
    {{L::filter, L::proc_read_only, L::landlock}, "kernel_knobs"},
    {{L::filter, L::proc_read_only, L::landlock}, "map_ids"},
    {{L::filter, L::proc_read_only, L::landlock}, "write_proc"},
    {{L::filter, L::proc_read_only, L::landlock}, "loosen_landlock"},
    {{L::filter, L::proc_read_only, L::landlock}, "shift_time"},
    {{L::pid_namespace}, "daemon"},
    {{L::mount_namespace}, "learn_host_name"},
    {{L::ipc_namespace}, "find_traces", Mode::root},
    {{L::ipc_namespace, L::landlock}, "find_traces", Mode::rootless},
    {{L::ipc_namespace}, "semaphore_bomb", Mode::root},
    {{L::ipc_namespace}, "sysv_memory_bomb", Mode::root},
    {{L::uts_namespace}, "oom_order"},
    {{L::cgroup_namespace}, "learn_group", Mode::root},
    {{L::host_name}, "learn_host_name"},
    {{L::oom_score}, "oom_order"},
    {{L::hidden_pid_one, L::pid_one_capabilities, L::landlock}, "read_pid_one", Mode::rootless},
    {{L::proc_hides_others}, "guess_processes"},
    {{L::proc_hides_others}, "see_processes"},
    {{L::disk_size}, "fill_disk"},
    {{L::inodes}, "inode_bomb"},
    {{L::work_flags, L::user, L::capabilities, L::filter, L::landlock}, "make_device", Mode::root},
    {{L::memory_limit}, "memory_bomb", Mode::root},
    {{L::memory_limit}, "memfd_bomb", Mode::root},
    {{L::memory_limit}, "page_table_bomb", Mode::root},
    {{L::memory_limit}, "shared_memory_bomb", Mode::root},
    {{L::memory_limit}, "message_bomb", Mode::root},
    {{L::process_limit, L::limit_processes_of_user}, "fork_bomb", Mode::root},
    {{L::process_limit, L::limit_processes_of_user}, "thread_bomb", Mode::root},
    {{L::process_limit, L::limit_processes_of_user}, "zombie_farm", Mode::root},
    {{L::limit_processes_of_user}, "fork_bomb", Mode::rootless},
    {{L::limit_processes_of_user}, "thread_bomb", Mode::rootless},
    {{L::limit_processes_of_user}, "zombie_farm", Mode::rootless},
    {{L::session, L::landlock}, "kill_group", Mode::rootless},
    {{L::session, L::landlock, L::user}, "kill_group", Mode::root},
    {{L::groups}, "left_privileges", Mode::root},
    {{L::group}, "left_privileges", Mode::root},
    {{L::group}, "become_neighbour", Mode::root},
    {{L::user}, "left_privileges", Mode::root},
    {{L::capabilities}, "left_privileges", Mode::root},
    {{L::capabilities}, "raise_capabilities", Mode::root},
    {{L::close_descriptors}, "leaked_descriptors"},
    {{L::limit_core}, "core_dump"},
    {{L::limit_open_files}, "descriptor_bomb"},
    {{L::limit_file_size}, "sparse_file"},
    {{L::limit_file_size}, "raise_limits"},
    {{L::limit_locked_memory}, "lock_memory"},
    {{L::limit_message_queues, L::landlock}, "posix_queues"},
    {{L::limit_pending_signals}, "signal_bomb"},
    {{L::limit_pending_signals}, "timer_bomb"},
    {{L::limit_data}, "memory_bomb", Mode::rootless},
    {{L::landlock, L::filter}, "listen_tcp"},
    {{L::filter}, "find_traces"},
    {{L::filter}, "memfd_bomb", Mode::rootless},
    {{L::filter}, "sysv_memory_bomb", Mode::rootless},
};

bool ends_with_an_errno_of(const std::string& line, std::initializer_list<int> errors) {
    return std::any_of(errors.begin(), errors.end(), [&](int error) { return line.ends_with(strerror(error)); });
}

}  // namespace

bool applies(const Row& row) {
    return row.mode == Mode::both || (row.mode == Mode::rootless) == rootless();
}

const std::vector<Row>& evidence() {
    return rows;
}

std::string stopped_by(const Act& act, const Attack& result) {
    std::string text;
    for (const Row& row : rows) {
        if (row.program != std::string(act.program) || !applies(row)) continue;
        if (!text.empty()) text += "; ";
        text += names(row.layers);
        if (row.layers.size() > 1) text += ", each alone";
    }
    if (!text.empty()) return text;
    if (act.end == End::when_asked || act.end == End::killed || act.end == End::harmless) return "the end of its box";
    if (ends_with_an_errno_of(result.says, {EPERM, EACCES})) return "it has not the right";
    return "the kernel";
}

}  // namespace windlass::worker::testing
