// What worker and spawner say to each other over their SOCK_SEQPACKET pair. Plain data: both ends are built together.
#pragma once

#include <cstdint>
#include <ctime>

namespace windlass::worker {

inline constexpr int max_slots = 256;
inline constexpr int max_cgroup_files = 4;
inline constexpr int max_datasets = 32;                                  // of one box
inline constexpr int max_trees = 1 + max_datasets;                       // and its image
inline constexpr int max_kept = 7;                                       // of one box; see Kept
inline constexpr int max_descriptors = 4 + max_cgroup_files + max_kept;  // with one message
inline constexpr std::uint32_t max_inline_blob = 32 * 1024;              // a longer one travels in a memfd

// Worker to spawner. Descriptors travel with it in this order: stdout, stderr, the job's own network, entrances of the
// cgroup, what is kept for the next worker (of set_up: KeptForAll; of start: Kept, without the working directory),
// memfd of the blob.
struct Command {
    enum Kind : std::uint32_t {
        set_up = 1,
        start = 2,
        stop = 3,
        forget = 4,  // nothing of this box needs to be kept any more
        end = 5      // everything, at once
    };
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
    std::uint32_t kept = 0;            // how many descriptors to keep come along
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

// ---- a worker's death is survived ----
//
// With set_up a worker that wants its boxes to outlive it hands the spawner both ends of what connects them, so that no
// end-of-file comes and nothing that was said is lost. Its death shows at a second socket, the lifeline. The spawner
// then waits at a third one, in the state directory, for the next worker, and hands over: Heritage, then KeptBox for
// each box. That socket is the new lifeline.

// The two must be built from the same number; a change of anything in this file that they say to each other changes it.
inline constexpr std::uint32_t keeping_version = 1;

// The order of descriptors with set_up; the same in the heritage, without lifeline and door.
struct KeptForAll {
    enum Place { worker_end, page, about, journal, other_journal, lifeline, door, count };
    static constexpr int inherited = lifeline;  // so many of them
};
// Of a box.
struct Kept {
    enum Place { stdout_read, stderr_read, record, stdout_file, stderr_file, network, work_directory };
};
static_assert(Kept::work_directory + 1 == max_kept);

// Memory that both see. The worker writes into it, and the spawner reads it when the worker is gone.
struct KeepingPage {
    std::uint32_t version = keeping_version;
    std::uint32_t reserved = 0;
    // On the clock of boottime_us(): nothing may run any longer without a worker that renews its leases. 0: nothing
    // may.
    std::int64_t good_until_us = 0;
};

// CLOCK_BOOTTIME, in microseconds: the same for all processes, and it goes on while the machine sleeps, as leases do.
inline std::int64_t boottime_us() {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

struct Heritage {
    std::uint32_t version = keeping_version;
    std::uint32_t boxes = 0;  // so many KeptBox follow
    std::uint64_t last_box = 0;
};

struct KeptBox {
    std::uint64_t box = 0;
    std::uint32_t slot = 0;
    std::uint32_t present = 0;  // bits by Kept::Place: which descriptors come along, in that order
    std::int32_t pid = 0;       // of PID 1 of the box, as the spawner sees it; 0: it has ended
    std::uint32_t ended = 0;    // `end` says how
    std::uint32_t stuck = 0;
    std::uint32_t started = 0;  // `start` is what PID 1 said
    Report start;
    Report end;
};

}  // namespace windlass::worker
