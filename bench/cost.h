// What some work costs: wall time, processor time of everything it started, and what kernel threads did meanwhile on
// its behalf (tearing down namespaces, mounts, network). The last is machine-wide, so other load shows in it.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace windlass::bench {

// Microseconds per run.
struct Cost {
    double wall_us = 0;
    double cpu_us = 0;     // user and system, of this process and all that was waited for
    double kernel_us = 0;  // of kernel threads
    double all_us() const { return cpu_us + kernel_us; }
};

double monotonic_seconds();
// `work` does `runs` runs and has waited for all it started when it returns.
Cost measure(int runs, const std::function<void()>& work);
Cost median_of(const std::vector<Cost>& rounds);  // of each part by itself

[[noreturn]] void fail(const std::string& what);

}  // namespace windlass::bench
