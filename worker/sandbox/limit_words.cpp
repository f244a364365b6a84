#include "worker/sandbox/limit_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <vector>

namespace windlass::worker {

std::string size_in_words(std::int64_t bytes) {
    if (bytes >= gibibyte && bytes % gibibyte == 0) return fmt::format("{} GiB", bytes / gibibyte);
    if (bytes >= mebibyte && bytes % mebibyte == 0) return fmt::format("{} MiB", bytes / mebibyte);
    if (bytes >= kibibyte && bytes % kibibyte == 0) return fmt::format("{} KiB", bytes / kibibyte);
    return fmt::format("{} bytes", bytes);
}

std::string seconds_in_words(Microseconds duration) {
    const auto milliseconds = std::chrono::duration_cast<Milliseconds>(duration).count();
    return fmt::format("{:g} s", static_cast<double>(milliseconds) / 1000);
}

std::string memory_reached(const Limits& limits, MemoryKeeper keeper) {
    return fmt::format("reached its limit of {} of memory, all its processes together (kept by cgroup {})",
                       size_in_words(limits.memory_bytes), keeper == MemoryKeeper::cgroup_v1 ? "v1" : "v2");
}

std::string cpu_time_reached(const Limits& limits, Microseconds used) {
    return fmt::format("used {} of processor time, its limit is {} (limits.cpu_s)", seconds_in_words(used),
                       seconds_in_words(limits.cpu_time));
}

std::string limits_reached(const Limits& limits, const LimitFacts& facts) {
    std::vector<std::string> sentences;
    if (facts.bytes_full) {
        sentences.push_back(
            fmt::format("its working directory is full: {} (limits.disk_bytes)", size_in_words(limits.disk_bytes)));
    }
    if (facts.files_full) {
        sentences.push_back(
            fmt::format("no more files fit into its working directory: {} (limits.inodes)", inodes_of(limits)));
    }
    if (facts.signal == SIGXFSZ) {
        const bool own = limits.file_bytes > 0;
        sentences.push_back(fmt::format("a file grew beyond {} (limits.{}), which ended the process that wrote",
                                        size_in_words(own ? limits.file_bytes : limits.disk_bytes),
                                        own ? "file_bytes" : "disk_bytes"));
    }
    if (facts.process_refusals > 0) {
        sentences.push_back(fmt::format("reached its limit of {} {} {} {} (limits.processes)", limits.processes,
                                        limits.processes == 1 ? "process" : "processes", facts.process_refusals,
                                        facts.process_refusals == 1 ? "time" : "times"));
    }
    if (facts.memory_keeper == MemoryKeeper::each_process &&
        facts.largest_process_bytes >= limits.memory_bytes / 10 * 9) {
        sentences.push_back(fmt::format("a process of it grew to {}; without a memory controller each one may have {}",
                                        size_in_words(facts.largest_process_bytes),
                                        size_in_words(limits.memory_bytes)));
    }
    return fmt::format("{}", fmt::join(sentences, "; "));
}

std::string what_it_waited_for(Microseconds wall, Microseconds cpu_stall, Microseconds memory_stall) {
    std::vector<std::string> sentences;
    if (cpu_stall.count() > 0 && cpu_stall >= wall / 10)
        sentences.push_back(fmt::format("it waited {} for a processor", seconds_in_words(cpu_stall)));
    if (memory_stall.count() > 0 && memory_stall >= wall / 10)
        sentences.push_back(fmt::format("it stood still {} for lack of memory", seconds_in_words(memory_stall)));
    return fmt::format("{}", fmt::join(sentences, "; "));
}

std::int64_t file_bytes_of(const Limits& limits) {
    return limits.file_bytes > 0 ? limits.file_bytes : limits.disk_bytes + 4096;
}

std::int64_t inodes_of(const Limits& limits) {
    return limits.inodes > 0 ? limits.inodes : std::clamp<std::int64_t>(limits.disk_bytes / 4096, 1024, 65536);
}

}  // namespace windlass::worker
