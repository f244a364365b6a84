// Kernel, control groups, namespaces, Landlock, seccomp, clock, open files.
#include <fmt/format.h>
#include <linux/landlock.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "cli/doctor/checks.h"
#include "cli/private_file.h"

namespace windlass::cli::doctor {
namespace {

constexpr rlim_t enough_open_files = 16384;

Finding check_kernel() {
    utsname name{};
    int major = 0, minor = 0;
    if (uname(&name) != 0 || std::sscanf(name.release, "%d.%d", &major, &minor) != 2)
        return warning("kernel", "its version cannot be read", "look at `uname -r`: Linux 5.13 or later is needed");
    const std::string text = fmt::format("Linux {} on {}", name.release, name.machine);
    if (major > 5 || (major == 5 && minor >= 13)) return ok("kernel", text);
    return bad("kernel", text + " is too old for a worker",
               "run a worker on Linux 5.13 or later (Debian 12 has 6.1); scheduler, api and this command do not mind");
}

// Tried in a child, which then ends: nothing of this process changes.
int errno_of_unshare(int flags) {
    const pid_t child = fork();
    if (child < 0) return errno;
    if (child == 0) _exit(unshare(flags) == 0 ? 0 : errno);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

Finding check_namespaces() {
    const bool root = geteuid() == 0;
    const int wanted = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
    const int failed = errno_of_unshare(root ? wanted : CLONE_NEWUSER | wanted);
    if (failed == 0)
        return ok("namespaces", root ? "mount, pid, net, ipc and uts can be made"
                                     : "user, mount, pid, net, ipc and uts can be made without root");
    const std::string text = fmt::format("new namespaces are refused: {}", std::strerror(failed));
    if (root)
        return warning("namespaces", text,
                       "a worker in a container needs CAP_SYS_ADMIN and a seccomp profile that lets unshare pass");
    return warning("namespaces", text,
                   "run the worker as root, or allow it to users: sysctl kernel.unprivileged_userns_clone=1, "
                   "user.max_user_namespaces above 0, and on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0");
}

Finding check_landlock() {
    const long abi = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi > 0) return ok("landlock", fmt::format("ABI {}", abi));
    return warning("landlock", fmt::format("not there: {}", std::strerror(errno)),
                   "boot with lsm=…,landlock (or a kernel of 5.13 with CONFIG_SECURITY_LANDLOCK); a worker does "
                   "without it only with worker.allow_weaker = [\"landlock\"]");
}

Finding check_seccomp() {
    const auto actions = read_file("/proc/sys/kernel/seccomp/actions_avail");
    const bool filters = prctl(PR_GET_SECCOMP) >= 0 && actions && actions->find("kill_process") != std::string::npos;
    if (filters) return ok("seccomp", "filters of system calls can be set");
    return bad(
        "seccomp", "filters of system calls cannot be set",
        "a worker needs a kernel with CONFIG_SECCOMP_FILTER, and in a container a profile that allows seccomp(2)");
}

Finding check_cgroups() {
    const auto mounts = read_file("/proc/self/mountinfo");
    return judge_cgroups(mounts ? *mounts : std::string());
}

Finding check_open_files() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return warning("open-files", "the limit cannot be read", "ulimit -Hn");
    const std::string text = limit.rlim_max == RLIM_INFINITY
                                 ? std::string("no limit")
                                 : fmt::format("up to {} (each open connection is one)", limit.rlim_max);
    if (limit.rlim_max >= enough_open_files) return ok("open-files", text);
    return warning("open-files", text,
                   fmt::format("for thousands of connections: LimitNOFILE={} in the unit, or `ulimit -Hn {}`",
                               enough_open_files, enough_open_files));
}

Finding check_clock_is_kept() {
    timex state{};
    const int status = adjtimex(&state);
    if (status >= 0 && status != TIME_ERROR) return ok("clock", "kept in step (NTP)");
    return warning("clock", "nothing keeps it in step, as far as the kernel knows",
                   "apt-get install chrony (in a virtual machine or a container: on its host)");
}

}  // namespace

Finding judge_cgroups(std::string_view mountinfo) {
    bool v2 = false;
    std::set<std::string> controllers;  // of version 1
    for (std::size_t at = 0; at < mountinfo.size();) {
        const std::size_t end = std::min(mountinfo.find('\n', at), mountinfo.size());
        const std::string_view line = mountinfo.substr(at, end - at);
        at = end + 1;
        const std::size_t dash = line.find(" - ");  // proc(5): behind it type, source, options of the file system
        if (dash == std::string_view::npos) continue;
        const std::string_view rest = line.substr(dash + 3);
        if (rest.starts_with("cgroup2 ")) v2 = true;
        if (!rest.starts_with("cgroup ")) continue;
        const std::string options = "," + std::string(rest.substr(rest.rfind(' ') + 1)) + ",";
        for (const char* one : {"memory", "pids", "cpu"})
            if (options.find("," + std::string(one) + ",") != std::string::npos) controllers.insert(one);
    }
    if (controllers.empty() && v2) return ok("cgroups", "version 2");
    if (controllers.empty())
        return bad("cgroups", "no control groups are mounted, so a worker cannot limit memory, processes and cores",
                   "mount -t cgroup2 none /sys/fs/cgroup; in a container: a cgroup namespace of its own, writable");
    const std::string text =
        fmt::format("{}; version 1 has {}, and a worker uses those there",
                    v2 ? "hybrid, versions 1 and 2 side by side" : "version 1", fmt::join(controllers, ", "));
    if (controllers.size() == 3) return ok("cgroups", text);
    return warning("cgroups", text, "boot with systemd.unified_cgroup_hierarchy=1: version 2 has memory, pids and cpu");
}

Findings check_machine() {
    return {check_kernel(),  check_cgroups(),    check_namespaces(),   check_landlock(),
            check_seccomp(), check_open_files(), check_clock_is_kept()};
}

}  // namespace windlass::cli::doctor
