// A job as it was submitted. Written once, never changed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "shared/ids.h"
#include "shared/limits.h"
#include "shared/time.h"

namespace windlass {

inline constexpr int min_priority = -100;
inline constexpr int max_priority = 100;

struct JobSpec {
    std::string name;                     // for people; may be empty
    std::string running_commands;         // run by /bin/sh in the working directory
    std::int16_t priority = 0;            // min_priority..max_priority, higher first, within one user's own jobs
    Milliseconds timeout{Seconds{3600}};  // of running; at the end of it TERM, grace, KILL, state timed_out
    std::int32_t max_attempts = 1;        // tries used up by the job's own failures; losses of workers do not count
    Limits limits;
    std::map<std::string, std::string> env;  // never shown in lists

    bool operator==(const JobSpec&) const = default;
};

// The spec and the bytes of the files `code` and `data` that the job finds in its working directory.
struct JobPayload {
    JobSpec spec;
    std::string code;
    std::string data;
};

}  // namespace windlass
