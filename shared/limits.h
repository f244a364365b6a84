// What one attempt may use. One value for the API, the tables, the sandbox and the tests.
#pragma once

#include <chrono>
#include <cstdint>

namespace windlass {

inline constexpr std::int64_t kibibyte = 1024;
inline constexpr std::int64_t mebibyte = 1024 * kibibyte;
inline constexpr std::int64_t gibibyte = 1024 * mebibyte;

struct Limits {
    // Processor time per wall time, in thousandths of a core. Also what the queue counts against a worker's capacity.
    std::int32_t cpu_millis = 1000;
    // All memory of the job together, page cache and its tmpfs files included. Reaching it ends the attempt
    // (out_of_memory).
    std::int64_t memory_bytes = 512 * mebibyte;
    // What it may write into its working directory, /tmp and /dev/shm together (each gets a share of its own; see the
    // sandbox). Memory-backed, so it counts against memory_bytes too.
    std::int64_t disk_bytes = 256 * mebibyte;
    // Processes and threads at the same time.
    std::int32_t processes = 128;
    // stdout and stderr, each. What is beyond is cut and marked; an attempt that goes on to 16 times as much is ended
    // (output_limit).
    std::int64_t output_bytes = 1 * mebibyte;
    // Open descriptors per process (RLIMIT_NOFILE).
    std::int32_t open_files = 256;
    // Processor time of all processes of the attempt together, user and system. Reaching it ends the attempt
    // (out_of_time, with a detail that says which time). 0: only the wall clock bounds it.
    std::chrono::milliseconds cpu_time{0};
    // Size of one file (RLIMIT_FSIZE). 0: disk_bytes.
    std::int64_t file_bytes = 0;
    // Files and directories below its writable places together. 0: one per 4 KiB of disk_bytes, at least 1,024.
    std::int64_t inodes = 0;

    bool operator==(const Limits&) const = default;
};

}  // namespace windlass
