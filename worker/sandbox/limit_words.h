// Which limits a box reached, in a sentence for the person whose job it was. The kinds of outcome are a closed list
// (shared/outcome.h); what they leave open stands here, in Outcome::detail. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "shared/limits.h"
#include "shared/time.h"

namespace windlass::worker {

// Who keeps limits.memory_bytes on this machine.
enum class MemoryKeeper { cgroup_v2, cgroup_v1, each_process };

// What could be seen of a job that failed. Refused descriptors (EMFILE), allocations without a memory controller
// (ENOMEM) and too large files of a program that ignores SIGXFSZ (EFBIG) show to the program alone.
struct LimitFacts {
    MemoryKeeper memory_keeper = MemoryKeeper::cgroup_v2;
    bool bytes_full = false;  // of the working directory, at the end
    bool files_full = false;
    std::int64_t process_refusals = 0;
    int signal = 0;  // what the job died of; also as a shell passes it on: exit code 128 + n
    std::int64_t largest_process_bytes = 0;
};

std::string size_in_words(std::int64_t bytes);        // "48 MiB", "1500 bytes"
std::string seconds_in_words(Microseconds duration);  // "2 s", "0.25 s"

std::string memory_reached(const Limits& limits, MemoryKeeper keeper);
std::string cpu_time_reached(const Limits& limits, Microseconds used);
// Sentences about the limits that are named in `facts`, "; " in between. Empty: none was seen to be reached.
std::string limits_reached(const Limits& limits, const LimitFacts& facts);
// What a job that ran out of time had been waiting for, when it is a tenth of the time or more; else empty.
std::string what_it_waited_for(Microseconds wall, Microseconds cpu_stall, Microseconds memory_stall);

// With their defaults filled in. That of one file is a page above the disk: what fills it up is to be told so (ENOSPC)
// and not killed (SIGXFSZ).
std::int64_t file_bytes_of(const Limits& limits);
std::int64_t inodes_of(const Limits& limits);

}  // namespace windlass::worker
