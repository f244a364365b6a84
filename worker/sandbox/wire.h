// What worker and spawner say to each other over their SOCK_SEQPACKET pair. Plain data: both ends are built together.
#pragma once

#include <cstdint>

namespace windlass::worker {

inline constexpr int max_slots = 256;
inline constexpr int max_cgroup_files = 4;
inline constexpr int max_datasets = 32;                       // of one box
inline constexpr int max_trees = 1 + max_datasets;            // and its image
inline constexpr int max_descriptors = 4 + max_cgroup_files;  // with one command
inline constexpr std::uint32_t max_inline_blob = 32 * 1024;   // a longer one travels in a memfd

// Worker to spawner. Descriptors travel with it in this order: stdout, stderr, the job's own network, entrances of the
// cgroup, memfd of the blob.
struct Command {
    enum Kind : std::uint32_t { set_up = 1, start = 2, stop = 3 };
    std::uint32_t kind = 0;
    std::uint32_t slot = 0;
    std::uint64_t box = 0;
    std::uint32_t grace_ms = 0;       // of stop
    std::uint32_t blob_bytes = 0;     // of set_up and start
    std::uint32_t blob_in_memfd = 0;  // otherwise it follows this header
    std::uint32_t cgroup_files = 0;   // of start: how many come along; 0: those of the slot's last start still hold
    std::uint32_t born_in_cgroup =
        0;  // of start: the entrance is a cgroup v2 directory, for clone3 (else: files to write to)
    std::uint32_t own_network = 0;     // of start: 1: the namespace made for this job comes along
    std::uint32_t stuck_after_ms = 0;  // of start: told so long after everything in the box was killed, if it still is
    std::uint32_t reserved = 0;
};

// Instead of a step: the process of the box could not even be made.
inline constexpr std::int32_t no_process = INT32_MAX;

// Spawner (or a box's PID 1) to worker.
struct Report {
    enum Kind : std::uint32_t { ready = 1, set_up_failed = 2, started = 3, ended = 4, stuck = 5 };
    std::uint32_t kind = 0;
    std::uint32_t slot = 0;
    std::uint64_t box = 0;
    std::int32_t failed_step = -1;  // set_up_failed; ended: the box could not be built
    std::int32_t error = 0;         // errno of the failed step, or of the exec that failed
    std::int32_t reported = 0;      // ended: PID 1 lived to tell how the job ended (else it was killed itself)
    std::int32_t status = 0;        // ended: wait status of the job
    std::int32_t first_choice = 0;  // ended: it was the program of execute_if_possible
    std::int64_t started_us = 0;    // CLOCK_MONOTONIC
    std::int64_t ended_us = 0;
    std::int64_t user_us = 0;  // of everything that ran in the box
    std::int64_t system_us = 0;
    std::int64_t largest_process_kib = 0;
    std::int64_t blocks_read = 0;  // of 512 bytes
    std::int64_t blocks_written = 0;
};

}  // namespace windlass::worker
