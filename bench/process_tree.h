// What a tree of processes has used, and what the kernel's own threads burned for it meanwhile.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace windlass::bench {

// User and system seconds of `root`, of all living processes below it, and of those they have reaped.
double cpu_seconds_of_tree(pid_t root);
// The same without those that have ended, but to the nanosecond: for work that takes less than a tick.
double exact_cpu_seconds_of_tree(pid_t root);
// Resident memory of one process, now and at most since it started (or since forget_peak()).
struct Memory {
    double now_mib = 0;
    double peak_mib = 0;
};
Memory memory_of(pid_t pid);
void forget_peak(pid_t pid);
// Proportional set sizes of `root` and of all living processes below it: a page that n share counts 1/n for each.
double shared_out_mib_of_tree(pid_t root);
// Of all kernel threads of the machine: take the difference over a run. No rusage shows it, yet it is part of the
// price.
double cpu_seconds_of_kernel_threads();
// The first process below `root` whose command name is `name`; 0 if there is none.
pid_t find_in_tree(pid_t root, const std::string& name);

double median(std::vector<double> values);
double quantile(std::vector<double> values, double q);

}  // namespace windlass::bench
