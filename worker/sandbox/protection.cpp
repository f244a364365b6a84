#include "worker/sandbox/protection.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "worker/sandbox/cgroup_files.h"
#include "worker/sandbox/job_network.h"
#include "worker/sandbox/landlock.h"

namespace windlass::worker {
namespace {

constexpr std::array<std::string_view, 8> names = {"user-namespace", "network-namespace", "memory-limit",
                                                   "process-limit",  "cpu-limit",         "landlock",
                                                   "uid-per-job",    "job-network"};

// Tries in a child, which takes the namespaces with it. 0, or the errno of the first refusal.
int try_unshare(int first, int second) {
    const pid_t child = fork();
    if (child < 0) return errno;
    if (child == 0) {
        if (first != 0 && unshare(first) != 0) _exit(errno);
        _exit(second != 0 && unshare(second) != 0 ? errno : 0);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

Finding without_user_namespaces(int error) {
    Finding finding{Protection::user_namespace, false, ""};
    if (read_small("/proc/sys/kernel/unprivileged_userns_clone").starts_with("0")) {
        finding.how = "switched off: kernel.unprivileged_userns_clone is 0";
        finding.fix = "sysctl -w kernel.unprivileged_userns_clone=1 (and the same in /etc/sysctl.d/windlass.conf)";
    } else if (number_in(read_small("/proc/sys/user/max_user_namespaces")) == 0) {
        finding.how = "switched off: user.max_user_namespaces is 0";
        finding.fix = "sysctl -w user.max_user_namespaces=10000 (and the same in /etc/sysctl.d/windlass.conf)";
    } else if (read_small("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").starts_with("1")) {
        finding.how = "AppArmor allows them to named programs only";
        finding.fix =
            "load an AppArmor profile with `userns,` for windlass-spawner, or: "
            "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
    } else {
        finding.how = std::strerror(error);
        finding.fix = "run the worker as root, or outside of the container that forbids them";
    }
    return finding;
}

Finding user_namespace(const Machine& machine) {
    if (!machine.rootless) return {Protection::user_namespace, true, "not needed: the worker runs as root"};
    const int error = try_unshare(CLONE_NEWUSER, CLONE_NEWNS | CLONE_NEWPID);
    if (error != 0) return without_user_namespaces(error);
    return {Protection::user_namespace, true, "unprivileged user namespaces"};
}

Finding network_namespace(const Machine& machine) {
    const int error = try_unshare(machine.rootless ? CLONE_NEWUSER : 0, CLONE_NEWNET);
    if (error == 0) return {Protection::network_namespace, true, "an empty network namespace per slot"};
    return {Protection::network_namespace, false, std::strerror(error),
            machine.rootless ? "bring user-namespace first: network namespaces come with it"
                             : "give the worker CAP_SYS_ADMIN: in a unit CapabilityBoundingSet= must name it, in a "
                               "container docker run --cap-add SYS_ADMIN"};
}

Finding group_limit(Protection protection, const CgroupSupport& cgroups, const std::string& missing, std::size_t index,
                    const char* controller) {
    if (!missing.empty()) return {protection, false, missing, cgroups.fix};
    const std::string& base = cgroups.version == 1 ? cgroups.bases[index] : cgroups.base;
    return {protection, true, fmt::format("cgroup v{}: {}, in {}", cgroups.version, controller, base)};
}

Finding landlock(const Machine& machine) {
    if (machine.landlock_abi > 0) return {Protection::landlock, true, fmt::format("ABI {}", machine.landlock_abi)};
    return {Protection::landlock, false, "not in this kernel, or not among its security modules",
            "use Linux 5.13 or later and add lsm=landlock,… to GRUB_CMDLINE_LINUX in /etc/default/grub (with what "
            "/sys/kernel/security/lsm lists now), run update-grub, reboot"};
}

Finding uid_per_job(const Machine& machine, const SandboxSettings& settings) {
    if (machine.rootless)
        return {Protection::uid_per_job, false, fmt::format("every job runs as uid {}", machine.uid),
                "run the worker as root, where that is acceptable: then each slot has a uid of its own"};
    return {
        Protection::uid_per_job, true,
        fmt::format("uids {} to {}", settings.first_uid, settings.first_uid + static_cast<uid_t>(settings.slots) - 1)};
}

Finding job_network(const Machine& machine, const SandboxSettings& settings) {
    const bool full = settings.network.full;
    Finding finding{Protection::job_network, true,
                    full ? "one for each job with network: full, by slirp4netns and nftables"
                         : "one for each job with a service, with nothing in it but loopback"};
    const std::string why_not = why_no_job_network(settings, machine.rootless);
    if (why_not.empty()) return finding;
    finding.present = false;
    finding.how = (full ? "worker.network is full: " : "worker.service_listen is set: ") + why_not;
    finding.fix = full ? "apt-get install slirp4netns nftables; or set worker.network to none"
                       : "what network-namespace needs; or leave worker.service_listen empty";
    return finding;
}

}  // namespace

std::string_view name(Protection protection) {
    return names[static_cast<std::size_t>(protection)];
}

Result<Protection> protection_named(std::string_view text) {
    const auto found = std::find(names.begin(), names.end(), text);
    if (found != names.end()) return static_cast<Protection>(found - names.begin());
    return make_error(ErrorKind::invalid,
                      fmt::format("'{}' is no protection; there are {}", text, fmt::join(names, ", ")));
}

bool can_be_done_without(Protection protection) {
    return protection != Protection::user_namespace && protection != Protection::job_network;
}

Machine examine_machine(const SandboxSettings& settings) {
    Machine machine;
    machine.uid = geteuid();
    machine.gid = getegid();
    machine.rootless = machine.uid != 0;
    machine.cgroups = examine_cgroups(settings.cgroup_base);
    machine.landlock_abi = landlock_abi();
    const CgroupSupport& cgroups = machine.cgroups;
    machine.findings = {user_namespace(machine),
                        network_namespace(machine),
                        group_limit(Protection::memory_limit, cgroups, cgroups.missing_memory, 0, "memory"),
                        group_limit(Protection::process_limit, cgroups, cgroups.missing_processes, 1, "pids"),
                        group_limit(Protection::cpu_limit, cgroups, cgroups.missing_cpu, 2, "cpu"),
                        landlock(machine),
                        uid_per_job(machine, settings)};
    if (settings.network.full || settings.network.service) machine.findings.push_back(job_network(machine, settings));
    return machine;
}

Status check_protections(const Machine& machine, const std::vector<Protection>& allow_weaker) {
    std::string sentences;
    for (const Finding& finding : machine.findings) {
        const bool allowed =
            std::find(allow_weaker.begin(), allow_weaker.end(), finding.protection) != allow_weaker.end();
        if (finding.present || (allowed && can_be_done_without(finding.protection))) continue;
        sentences +=
            fmt::format("; {} is missing: {} (to get it: {})", name(finding.protection), finding.how, finding.fix);
    }
    if (sentences.empty()) return {};
    return make_error(ErrorKind::denied, "the sandbox would be weaker than it must be" + sentences +
                                             ". Fix this, or accept it by naming it in allow_weaker");
}

}  // namespace windlass::worker
