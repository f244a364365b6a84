// Which control groups this machine offers us.
#include "worker/sandbox/cgroup.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "worker/sandbox/cgroup_backends.h"
#include "worker/sandbox/cgroup_files.h"

namespace windlass::worker {
namespace {

struct Mounts {
    std::string unified;                         // of cgroup2
    std::map<std::string, std::string> classic;  // controller -> mount point
};

Mounts find_mounts() {
    Mounts mounts;
    std::ifstream in("/proc/self/mounts");
    std::string source, where, type, options, rest;
    while (in >> source >> where >> type >> options && std::getline(in, rest)) {
        if (type == "cgroup2" && mounts.unified.empty()) mounts.unified = where;
        if (type != "cgroup") continue;
        std::istringstream words(options);
        for (std::string word; std::getline(words, word, ',');) mounts.classic.emplace(word, where);
    }
    return mounts;
}

// Our own place in each hierarchy, from /proc/self/cgroup ("4:memory:/a/b", "0::/c"): controller, "" for v2 -> path.
std::map<std::string, std::string> find_places() {
    std::map<std::string, std::string> places;
    std::ifstream in("/proc/self/cgroup");
    for (std::string line; std::getline(in, line);) {
        const std::size_t first = line.find(':');
        const std::size_t second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        std::istringstream controllers(line.substr(first + 1, second - first - 1));
        const std::string path = line.substr(second + 1);
        if (controllers.str().empty()) places.emplace("", path);
        for (std::string controller; std::getline(controllers, controller, ',');) places.emplace(controller, path);
    }
    return places;
}

std::string join(const std::string& mount, const std::string& path) {
    return path == "/" ? mount : mount + path;
}

// Our own group of a v1 controller if it can be written below; in a container the path shown may not exist: then its
// root.
std::string classic_base(const Mounts& mounts, const std::map<std::string, std::string>& places,
                         const std::string& name) {
    const auto mount = mounts.classic.find(name);
    if (mount == mounts.classic.end()) return "";
    const auto place = places.find(name);
    for (const std::string& path : {join(mount->second, place == places.end() ? "/" : place->second), mount->second}) {
        if (access(path.c_str(), W_OK) == 0) return path;
    }
    return "";
}

bool lists(const std::string& controllers, const std::string& name) {
    return (" " + controllers + " ").find(" " + name + " ") != std::string::npos;
}

// What an administrator does so that the worker gets its controllers. Which of the two it is depends on the machine:
// version 1 cannot be handed to anybody but root.
std::string how_to_delegate() {
    return "start the worker from its systemd unit with Delegate=yes (systemctl edit windlass-worker, add it below "
           "[Service], then systemctl restart windlass-worker); by hand: systemd-run --user --scope -p Delegate=yes "
           "windlass-worker, without --user as root";
}
std::string how_to_leave_v1() {
    return "run the worker as root, or boot with cgroup v2 only: add systemd.unified_cgroup_hierarchy=1 to "
           "GRUB_CMDLINE_LINUX in /etc/default/grub, run update-grub, reboot; then give it a unit with Delegate=yes";
}

// Off by a word on the kernel's command line, whatever is delegated.
bool is_switched_off(const char* controller) {
    std::ifstream in("/proc/cgroups");
    std::string name;
    int hierarchy = 0, groups = 0, enabled = 1;
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        if (words >> name >> hierarchy >> groups >> enabled && name == controller) return enabled == 0;
    }
    return false;
}

std::string controllers_of(const std::string& group) {
    std::string controllers = read_small(group + "/cgroup.controllers");
    if (!controllers.empty() && controllers.back() == '\n') controllers.pop_back();
    return controllers;
}

// The group has the controller, or somebody above it does and may pass it down (root on a machine where no unit needs
// it).
bool can_have(const std::string& top, std::string group, const char* controller) {
    while (!lists(controllers_of(group), controller)) {
        if (group.size() <= top.size()) return false;
        group.resize(group.rfind('/'));
        if (access((group + "/cgroup.subtree_control").c_str(), W_OK) != 0) return false;
    }
    return true;
}

// The root of the whole machine (not of a container) is the only group that may hold processes beside groups.
bool is_real_root(const std::string& group) {
    return access((group + "/cgroup.type").c_str(), F_OK) != 0;
}

bool may_be_written(const std::string& group) {
    for (const char* file : {"", "/cgroup.procs", "/cgroup.subtree_control"}) {
        if (access((group + file).c_str(), W_OK) != 0) return false;
    }
    return true;
}

bool holds_others(const std::string& group) {
    std::istringstream members(read_small(group + "/cgroup.procs"));
    for (pid_t pid = 0; members >> pid;) {
        if (pid != getpid()) return true;
    }
    return false;
}

// Our own group when we are alone in it (a unit with Delegate=yes); else, for instance for root in a login session that
// is shared with a shell, the slice above it, if that holds no processes.
void choose_base(CgroupSupport& support, const std::string& mount, std::string own) {
    if (own.ends_with(worker_leaf)) own.resize(own.size() - std::string_view(worker_leaf).size());
    if (may_be_written(own) && (is_real_root(own) || !holds_others(own))) {
        support.base = own;
        support.worker_moves = !is_real_root(own);
        return;
    }
    if (own.size() <= mount.size()) return;
    const std::string above = own.substr(0, own.rfind('/'));
    if (may_be_written(above) && (is_real_root(above) || read_small(above + "/cgroup.procs").empty()))
        support.base = above;
}

// The group that was told us: "/a/b" from the root of the hierarchy on, "../b" from our own group on.
void take_told_base(CgroupSupport& support, const std::string& mount, std::string own, const std::string& told) {
    if (own.ends_with(worker_leaf)) own.resize(own.size() - std::string_view(worker_leaf).size());
    const std::string base =
        std::filesystem::path(told.starts_with('/') ? mount + told : own + "/" + told).lexically_normal().string();
    std::string wrong;
    if (!base.starts_with(mount + "/"))
        wrong = "is not in the hierarchy that this worker sees at " + mount;
    else if (access((base + "/cgroup.procs").c_str(), F_OK) != 0)
        wrong = "does not exist";
    else if (!may_be_written(base))
        wrong = "cannot be written to";
    if (wrong.empty()) {
        support.base = base;
        support.is_told = true;
        return;
    }
    support.missing_memory = support.missing_processes = support.missing_cpu =
        fmt::format("worker.cgroup is {}, but the cgroup {} {}", told, base, wrong);
    support.fix =
        "systemctl start windlass-boxes, whose cgroup it is; if that lies elsewhere (systemctl show -P ControlGroup "
        "windlass-boxes), systemctl edit windlass-worker and say so below [Service]: "
        "Environment=WINDLASS_WORKER_CGROUP=/PATH; then systemctl restart windlass-worker";
}

}  // namespace

CgroupSupport examine_cgroups_v2(const std::string& mount, const std::string& place, const std::string& told) {
    CgroupSupport support;
    support.top = mount;
    if (told.empty()) {
        choose_base(support, mount, join(mount, place));
    } else {
        const std::string controllers = controllers_of(mount);
        if (!lists(controllers, "memory") && !lists(controllers, "pids")) return support;  // held by v1: no such place
        take_told_base(support, mount, join(mount, place), told);
    }
    const std::string& base = support.base;
    if (base.empty()) return support;
    const auto offers = [&](const char* controller) { return can_have(support.top, base, controller); };
    if (!offers("memory") && !offers("pids")) return support;  // held by v1, or not delegated at all
    support.version = 2;
    const auto missing = [&](const char* name) {
        return offers(name) ? std::string()
                            : fmt::format("the controller '{}' is not in {}/cgroup.controllers", name, base);
    };
    support.fix = how_to_delegate();
    support.missing_memory = missing("memory");
    support.missing_processes = missing("pids");
    support.missing_cpu = missing("cpu");
    support.counts_io = offers("io");
    return support;
}

namespace {

CgroupSupport examine_v1(const Mounts& mounts, const std::map<std::string, std::string>& places) {
    CgroupSupport support;
    for (const char* name : {"memory", "pids", "cpu", "cpuacct"})
        support.bases.push_back(classic_base(mounts, places, name));
    support.counts_cpu_with_quota = !support.bases[2].empty() && support.bases[2] == support.bases[3];
    if (support.counts_cpu_with_quota) support.bases[3].clear();
    const auto missing = [&](std::size_t index, const char* name) {
        return support.bases[index].empty() ? fmt::format("no cgroup v1 hierarchy '{}' that may be written", name)
                                            : std::string();
    };
    support.fix = how_to_leave_v1();
    support.missing_memory = missing(0, "memory");
    support.missing_processes = missing(1, "pids");
    support.missing_cpu = missing(2, "cpu");
    for (const std::string& base : support.bases) {
        if (!base.empty()) support.version = 1;
    }
    return support;
}

}  // namespace

CgroupSupport examine_cgroups(const std::string& told) {
    const Mounts mounts = find_mounts();
    const auto places = find_places();
    CgroupSupport support;
    const auto place = places.find("");
    if (!mounts.unified.empty() && place != places.end())
        support = examine_cgroups_v2(mounts.unified, place->second, told);
    if (support.version == 0 && !support.missing_memory.empty()) return support;
    if (support.version == 0) support = examine_v1(mounts, places);
    if (support.version == 0) {
        support.missing_memory = support.missing_processes = support.missing_cpu = "no cgroup may be written";
        support.fix = mounts.classic.contains("memory") ? how_to_leave_v1() : how_to_delegate();
    }
    if (!support.missing_memory.empty() && is_switched_off("memory")) {
        support.missing_memory = "the kernel was started with its memory controller off";
        support.fix =
            "remove cgroup_disable=memory from the kernel's command line, or add cgroup_enable=memory to it "
            "(GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub), and reboot";
    }
    return support;
}

Result<std::unique_ptr<Cgroups>> Cgroups::open(const CgroupSupport& support, const std::string& name, int slots,
                                               const Kept& kept) {
    switch (support.version) {
        case 2:
            return open_cgroups_v2(support, name, slots, kept);
        case 1:
            return open_cgroups_v1(support, name, slots, kept);
        default:
            return std::unique_ptr<Cgroups>();  // and then there are no words either
    }
}

}  // namespace windlass::worker
