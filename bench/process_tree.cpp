#include "bench/process_tree.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

namespace windlass::bench {
namespace {

struct Process {
    pid_t parent = 0;
    std::string name;
    double ticks = 0;  // own and reaped, user and system
};

std::map<pid_t, Process> processes() {
    std::map<pid_t, Process> all;
    DIR* proc = opendir("/proc");
    if (proc == nullptr) return all;
    while (const dirent* entry = readdir(proc)) {
        const pid_t pid = std::atoi(entry->d_name);
        if (pid <= 0) continue;
        std::ifstream file("/proc/" + std::string(entry->d_name) + "/stat");
        std::string line;
        std::getline(file, line);
        const auto open = line.find('('), close = line.rfind(')');
        if (open == std::string::npos || close == std::string::npos) continue;
        long parent = 0, user = 0, system = 0, reaped_user = 0, reaped_system = 0;
        // state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime cutime cstime
        if (std::sscanf(line.c_str() + close + 2, "%*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld %ld %ld",
                        &parent, &user, &system, &reaped_user, &reaped_system) != 5)
            continue;
        all[pid] = {static_cast<pid_t>(parent), line.substr(open + 1, close - open - 1),
                    static_cast<double>(user + system + reaped_user + reaped_system)};
    }
    closedir(proc);
    return all;
}

bool is_below(const std::map<pid_t, Process>& all, pid_t pid, pid_t root) {
    for (int depth = 0; depth < 64 && pid > 1; ++depth) {
        if (pid == root) return true;
        const auto found = all.find(pid);
        if (found == all.end()) return false;
        pid = found->second.parent;
    }
    return false;
}

}  // namespace

double cpu_seconds_of_tree(pid_t root) {
    const auto all = processes();
    double ticks = 0;
    for (const auto& [pid, process] : all)
        if (is_below(all, pid, root)) ticks += process.ticks;
    return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double exact_cpu_seconds_of_tree(pid_t root) {
    const auto all = processes();
    double nanoseconds = 0;
    for (const auto& [pid, process] : all) {
        if (!is_below(all, pid, root)) continue;
        std::error_code gone;
        for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", gone)) {
            std::ifstream file(task.path() / "schedstat");
            double run = 0;
            file >> run;
            nanoseconds += run;
        }
    }
    return nanoseconds * 1e-9;
}

Memory memory_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    Memory memory;
    for (std::string line; std::getline(file, line);) {
        long kib = 0;
        if (std::sscanf(line.c_str(), "VmRSS: %ld", &kib) == 1) memory.now_mib = static_cast<double>(kib) / 1024;
        if (std::sscanf(line.c_str(), "VmHWM: %ld", &kib) == 1) memory.peak_mib = static_cast<double>(kib) / 1024;
    }
    return memory;
}

double shared_out_mib_of_tree(pid_t root) {
    const auto all = processes();
    double kib = 0;
    for (const auto& [pid, process] : all) {
        if (!is_below(all, pid, root)) continue;
        std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
        for (std::string line; std::getline(file, line);)
            if (line.starts_with("Pss:")) kib += std::atof(line.c_str() + 4);
    }
    return kib / 1024;
}

void forget_peak(pid_t pid) {
    std::ofstream("/proc/" + std::to_string(pid) + "/clear_refs") << "5";
}

double cpu_seconds_of_kernel_threads() {
    double nanoseconds = 0;
    for (const auto& [pid, process] : processes()) {
        if (process.parent != 2) continue;
        std::ifstream file("/proc/" + std::to_string(pid) + "/schedstat");
        double run = 0;
        file >> run;
        nanoseconds += run;
    }
    return nanoseconds * 1e-9;
}

pid_t find_in_tree(pid_t root, const std::string& name) {
    const auto all = processes();
    for (const auto& [pid, process] : all)
        if (process.name == name.substr(0, 15) && is_below(all, pid, root)) return pid;
    return 0;
}

double quantile(std::vector<double> values, double q) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1) + 0.5)];
}

double median(std::vector<double> values) {
    return quantile(std::move(values), 0.5);
}

}  // namespace windlass::bench
