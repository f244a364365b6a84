#include "worker/sandbox/process_use.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <unordered_map>

#include "worker/sandbox/cgroup_files.h"

namespace windlass::worker {
namespace {

struct Stat {
    pid_t parent = 0;
    std::int64_t ticks = 0;  // user and system, own and of reaped children
    std::int64_t threads = 0;
    std::int64_t resident_pages = 0;
};

// /proc/PID/stat (proc(5)): the name may hold anything, so it is read from its last parenthesis on.
std::optional<Stat> read_stat(const std::string& proc, pid_t pid) {
    const std::string text = read_small(proc + "/" + std::to_string(pid) + "/stat");
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos) return std::nullopt;
    std::istringstream fields(text.substr(name_end + 1));
    std::string skipped;
    Stat stat;
    fields >> skipped >> stat.parent;
    for (int field = 5; field < 14; field++) fields >> skipped;
    for (int field = 14; field < 18; field++) {
        std::int64_t ticks = 0;
        fields >> ticks;
        stat.ticks += ticks;
    }
    fields >> skipped >> skipped >> stat.threads;                    // 18 to 20
    fields >> skipped >> skipped >> skipped >> stat.resident_pages;  // 21 to 24
    return fields ? std::optional(stat) : std::nullopt;
}

}  // namespace

std::vector<pid_t> process_tree(const std::string& proc, pid_t root) {
    std::unordered_map<pid_t, std::vector<pid_t>> children;
    std::error_code ignored;
    bool seen = false;
    for (const auto& entry : std::filesystem::directory_iterator(proc, ignored)) {
        const pid_t pid = std::atoi(entry.path().filename().c_str());
        const auto stat = pid > 0 ? read_stat(proc, pid) : std::nullopt;
        if (!stat) continue;
        children[stat->parent].push_back(pid);
        seen = seen || pid == root;
    }
    std::vector<pid_t> tree;
    if (seen) tree.push_back(root);
    for (std::size_t at = 0; at < tree.size(); ++at) {
        const auto& below = children[tree[at]];
        tree.insert(tree.end(), below.begin(), below.end());
    }
    return tree;
}

std::vector<pid_t> members_of_group(const std::string& directory) {
    std::string text = read_small(directory + "/cgroup.procs");
    text.resize(text.rfind('\n') + 1);  // the last number may have been cut
    std::istringstream lines(text);
    std::vector<pid_t> members;
    for (pid_t pid = 0; lines >> pid;) members.push_back(pid);
    return members;
}

ProcessesUse use_of(const std::string& proc, const std::vector<pid_t>& processes, pid_t keeper) {
    ProcessesUse use;
    std::int64_t ticks = 0, pages = 0;
    for (const pid_t pid : processes) {
        const auto stat = read_stat(proc, pid);
        if (!stat) continue;
        ticks += stat->ticks;
        if (pid != keeper) {
            use.processes += stat->threads;
            pages += stat->resident_pages;
        }
        const std::string io = read_small(proc + "/" + std::to_string(pid) + "/io");
        if (io.empty()) continue;
        use.read_bytes = use.read_bytes.value_or(0) + value_of(io, "read_bytes:");
        use.written_bytes = use.written_bytes.value_or(0) + value_of(io, "write_bytes:");
    }
    use.cpu = Microseconds(ticks * 1'000'000 / sysconf(_SC_CLK_TCK));
    use.memory_bytes = pages * sysconf(_SC_PAGESIZE);
    return use;
}

}  // namespace windlass::worker
