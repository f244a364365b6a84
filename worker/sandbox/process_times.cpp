#include "worker/sandbox/process_times.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <unordered_map>
#include <vector>

#include "worker/sandbox/cgroup_files.h"

namespace windlass::worker {
namespace {

struct Times {
    std::int64_t ticks = 0;  // own and of reaped children, user and system
    std::vector<pid_t> children;
};

// /proc/PID/stat (proc(5)): the name may hold anything, so it is read from its last parenthesis on.
bool read_times(const std::string& stat, pid_t& parent, std::int64_t& ticks) {
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos) return false;
    std::istringstream fields(stat.substr(name_end + 1));
    std::string skipped;
    std::int64_t user = 0, system = 0, children_user = 0, children_system = 0;
    fields >> skipped >> parent;
    for (int field = 5; field < 14; field++) fields >> skipped;
    fields >> user >> system >> children_user >> children_system;
    ticks = user + system + children_user + children_system;
    return bool(fields);
}

}  // namespace

std::optional<Microseconds> cpu_time_of_tree(pid_t root) {
    std::unordered_map<pid_t, Times> processes;
    std::error_code ignored;
    bool seen = false;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
        const pid_t pid = std::atoi(entry.path().filename().c_str());
        pid_t parent = 0;
        std::int64_t ticks = 0;
        if (pid <= 0 || !read_times(read_small(entry.path().string() + "/stat"), parent, ticks)) continue;
        processes[pid].ticks = ticks;
        processes[parent].children.push_back(pid);
        seen = seen || pid == root;
    }
    if (!seen) return std::nullopt;
    std::int64_t ticks = 0;
    std::vector<pid_t> below = {root};
    while (!below.empty()) {
        const Times& times = processes[below.back()];
        below.pop_back();
        ticks += times.ticks;
        below.insert(below.end(), times.children.begin(), times.children.end());
    }
    return Microseconds(ticks * 1'000'000 / sysconf(_SC_CLK_TCK));
}

}  // namespace windlass::worker
