#include "bench/cost.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

namespace windlass::bench {
namespace {

double cpu_seconds() {
    double sum = 0;
    for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage used{};
        getrusage(who, &used);
        sum += static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
    }
    return sum;
}

// Processor time of every kernel thread (a child of kthreadd) so far, by pid.
std::map<int, double> kernel_threads() {
    std::map<int, double> times;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
        const int pid = std::atoi(entry.path().filename().c_str());
        if (pid <= 0) continue;
        std::string stat;
        std::getline(std::ifstream(entry.path() / "stat"), stat);
        const std::size_t name_end = stat.rfind(')');
        if (name_end == std::string::npos || std::atoi(stat.c_str() + name_end + 4) != 2) continue;
        double nanoseconds = 0;
        std::ifstream(entry.path() / "schedstat") >> nanoseconds;
        times[pid] = nanoseconds * 1e-9;
    }
    return times;
}

double growth(const std::map<int, double>& before, const std::map<int, double>& after) {
    double sum = 0;
    for (const auto& [pid, time] : after) {
        const auto found = before.find(pid);
        sum += time - (found == before.end() ? 0 : found->second);
    }
    return sum;
}

}  // namespace

double monotonic_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Cost measure(int runs, const std::function<void()>& work) {
    const auto kernel = kernel_threads();
    const double cpu = cpu_seconds();
    const double wall = monotonic_seconds();
    work();
    Cost cost;
    cost.wall_us = (monotonic_seconds() - wall) / runs * 1e6;
    cost.cpu_us = (cpu_seconds() - cpu) / runs * 1e6;
    cost.kernel_us = growth(kernel, kernel_threads()) / runs * 1e6;
    return cost;
}

Cost median_of(const std::vector<Cost>& rounds) {
    const auto of = [&](double Cost::*part) {
        std::vector<double> values;
        for (const Cost& cost : rounds) values.push_back(cost.*part);
        std::sort(values.begin(), values.end());
        return values[values.size() / 2];
    };
    return {of(&Cost::wall_us), of(&Cost::cpu_us), of(&Cost::kernel_us)};
}

void fail(const std::string& what) {
    fmt::print(stderr, "bench_sandbox: {}\n", what);
    std::exit(1);
}

}  // namespace windlass::bench
