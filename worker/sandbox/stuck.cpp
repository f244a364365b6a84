#include "worker/sandbox/stuck.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>

#include "worker/sandbox/cgroup_files.h"

namespace windlass::worker {
namespace {

constexpr std::string_view box_title = "box ";

struct Process {
    pid_t parent = 0;
    std::string name;
    char state = '?';
};

// From /proc/PID/stat: "12 (name) S 1 …"; the name may hold anything, blanks and parentheses too (proc(5)).
Process parse_stat(const std::string& stat) {
    Process process;
    const std::size_t open = stat.find('(');
    const std::size_t close = stat.rfind(')');
    if (open == std::string::npos || close == std::string::npos || close + 4 > stat.size()) return process;
    process.name = stat.substr(open + 1, close - open - 1);
    process.state = stat[close + 2];
    process.parent = std::atoi(stat.c_str() + close + 4);
    return process;
}

std::map<pid_t, Process> all_processes() {
    std::map<pid_t, Process> all;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
        const pid_t pid = std::atoi(entry.path().filename().c_str());
        if (pid > 0) all.emplace(pid, parse_stat(read_small(entry.path().string() + "/stat")));
    }
    return all;
}

bool has_kill_pending(pid_t pid) {
    const std::string status = read_small(fmt::format("/proc/{}/status", pid));
    for (const std::string_view key : {"SigPnd:\t", "ShdPnd:\t"}) {
        const std::size_t at = status.find(key);
        if (at == std::string::npos) continue;
        const std::uint64_t set = std::strtoull(status.c_str() + at + key.size(), nullptr, 16);
        if ((set & (1U << (SIGKILL - 1U))) != 0) return true;
    }
    return false;
}

// The name of the box whose PID 1 is among the ancestors; nullopt when there is no spawner above.
std::optional<std::string> box_of(const std::map<pid_t, Process>& all, pid_t pid) {
    std::string box;
    for (std::size_t depth = 0; depth < all.size(); depth++) {
        const auto process = all.find(pid);
        if (process == all.end()) return std::nullopt;
        if (process->second.name == "windlass-spawn") return box;
        if (process->second.name.starts_with(box_title)) box = process->second.name.substr(box_title.size());
        pid = process->second.parent;
    }
    return std::nullopt;
}

}  // namespace

std::vector<StuckProcess> stuck_processes() {
    std::vector<StuckProcess> stuck;
    const auto all = all_processes();
    for (const auto& [pid, process] : all) {
        if (process.state == 'Z' || process.state == 'X' || process.state == '?') continue;
        const std::optional<std::string> box = box_of(all, pid);
        if (!box || !has_kill_pending(pid)) continue;
        std::string channel = read_small(fmt::format("/proc/{}/wchan", pid));
        if (channel.empty() || channel == "0") channel = "unknown";
        stuck.push_back({pid, process.name, process.state, channel, *box});
    }
    return stuck;
}

std::string in_words(const StuckProcess& process) {
    return fmt::format("process {} ({}){} was killed and does not end: state {}, waits in the kernel in {}",
                       process.pid, process.name, process.box.empty() ? "" : " of box " + process.box, process.state,
                       process.wait_channel);
}

}  // namespace windlass::worker
