// Steps in words.
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <utility>

#include "worker/sandbox/plan.h"

namespace windlass::worker {
namespace {

using Names = std::vector<std::pair<std::uint64_t, const char*>>;

std::string names_of(std::uint64_t bits, const Names& names) {
    std::string text;
    for (const auto& [bit, name] : names) {
        if ((bits & bit) == 0) continue;
        if (!text.empty()) text += ",";
        text += name;
    }
    return text;
}

std::string namespaces(std::uint64_t flags) {
    return names_of(flags, {{CLONE_NEWUSER, "user"},
                            {CLONE_NEWNS, "mount"},
                            {CLONE_NEWPID, "pid"},
                            {CLONE_NEWNET, "net"},
                            {CLONE_NEWIPC, "ipc"},
                            {CLONE_NEWUTS, "uts"},
                            {CLONE_NEWCGROUP, "cgroup"}});
}

std::string mount_flags(std::uint64_t flags) {
    return names_of(flags, {{MS_RDONLY, "ro"}, {MS_NOSUID, "nosuid"}, {MS_NODEV, "nodev"}, {MS_NOEXEC, "noexec"}});
}

std::string mount_attributes(std::uint64_t attributes) {
    return names_of(attributes, {{MOUNT_ATTR_RDONLY, "ro"},
                                 {MOUNT_ATTR_NOSUID, "nosuid"},
                                 {MOUNT_ATTR_NODEV, "nodev"},
                                 {MOUNT_ATTR_NOEXEC, "noexec"}});
}

std::string limit_name(std::uint64_t resource) {
    switch (resource) {
        case RLIMIT_CORE:
            return "core";
        case RLIMIT_NOFILE:
            return "open files";
        case RLIMIT_CPU:
            return "processor seconds of a process";
        case RLIMIT_FSIZE:
            return "file size";
        case RLIMIT_MEMLOCK:
            return "locked memory";
        case RLIMIT_MSGQUEUE:
            return "message queues";
        case RLIMIT_SIGPENDING:
            return "pending signals";
        case RLIMIT_NPROC:
            return "processes of the user";
        case RLIMIT_DATA:
            return "data of a process";
        default:
            return fmt::format("resource {}", resource);
    }
}

// {what is done, with what}: the first part goes before an error, both are printed.
std::pair<std::string, std::string> words(const Plan& plan, const Step& step) {
    const std::string subject = plan.string(step.subject);
    const auto object = [&] { return std::string(plan.string(step.object)); };
    const auto octal = [&] { return fmt::format("mode {:04o}", step.value); };
    switch (step.kind) {
        case StepKind::unshare_namespaces:
            return {"unshare the namespaces " + namespaces(step.value), ""};
        case StepKind::write_proc_file:
            return {"write " + subject, object()};
        case StepKind::make_id_maps:
            return {"make id maps for the files of images", fmt::format("{} from uid {}", step.value, step.extra)};
        case StepKind::make_mounts_follow:
            return {"make all mounts follow those outside", ""};
        case StepKind::keep_host_mounts:
            return {"keep the mounts of the host", ""};
        case StepKind::look_at_host:
            return {"look at the mounts of the host", ""};
        case StepKind::take_tree:
            return {"take the directory " + subject,
                    mount_attributes(step.value) + (step.extra != 0 ? ", root's files are the job's" : "")};
        case StepKind::leave_host:
            return {"return to the box's own mounts", ""};
        case StepKind::attach_tree:
            return {"attach the directory " + subject, fmt::format("number {}", step.size)};
        case StepKind::set_file_owner:
            return {"set the owner of new files", fmt::format("{}", step.value)};
        case StepKind::mount_overlay:
            return {"mount overlay on " + subject, mount_flags(step.value) + " " + object()};
        case StepKind::try_to_execute:
            return {"execute " + subject, "if it is there"};
        case StepKind::become_init:
            return {"become PID 1 of the spawner's namespace", ""};
        case StepKind::make_mounts_private:
            return {"make all mounts private", ""};
        case StepKind::bind_tree:
            return {"bind " + object() + " on " + subject, mount_attributes(step.value)};
        case StepKind::make_link:
            return {"link " + subject, "-> " + object()};
        case StepKind::change_root:
            return {"change the root", ""};
        case StepKind::protect_mount:
            return {"protect the mount " + subject, mount_attributes(step.value)};
        case StepKind::make_networks:
            return {"make empty networks", fmt::format("{}", step.value)};
        case StepKind::open_null:
            return {"open /dev/null", ""};
        case StepKind::open_proc:
            return {"open /proc", ""};
        case StepKind::drop_bounding_set:
            return {"drop the capability bounding set", ""};
        case StepKind::no_new_privileges:
            return {"forbid new privileges", ""};
        case StepKind::load_filter:
            return {"load the system call filter", ""};
        case StepKind::enter_cgroup:
            return {"enter the cgroup", fmt::format("{}", step.value)};
        case StepKind::join_network:
            return {"join the empty network of the slot", ""};
        case StepKind::join_own_network:
            return {"join the job's own network", ""};
        case StepKind::set_hostname:
            return {"set the host name", subject};
        case StepKind::set_title:
            return {"set the title", subject};
        case StepKind::set_oom_score:
            return {"set the OOM score", object()};
        case StepKind::mount_proc:
            return {"mount proc on " + subject, mount_flags(step.value) + " " + object()};
        case StepKind::mount_tmpfs:
            return {"mount tmpfs on " + subject, mount_flags(step.value) + " " + object()};
        case StepKind::open_work_directory:
            return {"open the working directory " + subject, ""};
        case StepKind::hide_from_job:
            return {"hide PID 1 from the job", ""};
        case StepKind::new_session:
            return {"start a new session", ""};
        case StepKind::connect_streams:
            return {"connect stdin, stdout, stderr", ""};
        case StepKind::set_limit:
            return {"limit " + limit_name(step.value), fmt::format("{}", step.extra)};
        case StepKind::drop_groups:
            return {"drop supplementary groups", ""};
        case StepKind::set_group:
            return {"set the group", fmt::format("{}", step.value)};
        case StepKind::set_user:
            return {"set the user", fmt::format("{}", step.value)};
        case StepKind::clear_capabilities:
            return {"clear all capabilities", ""};
        case StepKind::set_file_mask:
            return {"set the file mask", fmt::format("{:04o}", step.value)};
        case StepKind::default_signals:
            return {"unblock all signals", ""};
        case StepKind::close_descriptors:
            return {"close all other descriptors", "at exec"};
        case StepKind::enter_directory:
            return {"enter " + subject, ""};
        case StepKind::make_directory:
            return {"make the directory " + subject, octal()};
        case StepKind::make_file:
            return {"write the file " + subject, fmt::format("{} bytes, {}", step.size, octal())};
        case StepKind::landlock_begin:
            return {"make the Landlock ruleset", fmt::format("governs {:#x}", step.value)};
        case StepKind::landlock_allow:
            return {"allow with Landlock " + subject, fmt::format("{:#x}", step.value)};
        case StepKind::landlock_enforce:
            return {"enforce Landlock", ""};
        case StepKind::execute_if_possible:
            return {"execute " + subject, "if possible"};
        case StepKind::execute:
            return {"execute " + subject, ""};
    }
    return {"unknown step", ""};
}

}  // namespace

std::string describe(const Plan& plan, std::size_t index) {
    return index < plan.size() ? words(plan, plan.step(index)).first : "start the job process";
}

std::string print(const Plan& plan) {
    std::string text;
    if (plan.namespaces() != 0) text += "new namespaces: " + namespaces(plan.namespaces()) + "\n";
    for (std::size_t i = 0; i < plan.size(); i++) {
        if (i == plan.first_count()) text += "--- the process that becomes the job\n";
        const auto [what, with] = words(plan, plan.step(i));
        text += with.empty() ? what + "\n" : what + ": " + with + "\n";
    }
    return text;
}

}  // namespace windlass::worker
