// PID 1 of a box: builds what is new for this job, starts it, reaps, kills, tells how it ended.
#pragma once

#include "worker/sandbox/apply.h"

namespace windlass::worker {

// What PID 1 leaves for the spawner in memory that both see, one per slot.
struct Note {
    std::int32_t failed_step;
    std::int32_t error;
    std::int32_t reported;
    std::int32_t status;
    std::int32_t first_choice;  // the program of execute_if_possible ran
    std::int64_t started_us;
    std::int64_t ending_us;  // when PID 1 began to kill; what is not gone long after that is stuck
    std::int64_t ended_us;
    std::int64_t user_us;
    std::int64_t system_us;
    std::int64_t largest_process_kib;
    std::int64_t blocks_read;
    std::int64_t blocks_written;
};

// Where PID 1 says that it runs.
struct ToldAt {
    int worker = -1;
    int spawner = -1;  // which keeps it for the next worker; -1: it does not
};

// Runs in the new process, with SIGCHLD, stop_softly and stop_hard blocked. Never returns.
[[noreturn]] void run_pid_one(const Blob& blob, Context& context, ToldAt told_at, std::uint64_t box, Note& note);

// Signals from the spawner to PID 1. Softly: TERM to everything in the box. Hard: kill everything, report, end.
inline constexpr int stop_softly = 15;  // SIGTERM
inline constexpr int stop_hard = 10;    // SIGUSR1

}  // namespace windlass::worker
