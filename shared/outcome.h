// How an attempt ended and whose fault it was. The first cause wins and is never overwritten.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/time.h"

namespace windlass {

// Stored (attempt_result.outcome): never renumber, only append.
enum class OutcomeKind : std::int16_t {
    exited = 0,         // by itself; exit_code says how
    signalled = 1,      // by a signal that was not ours; signal says which
    out_of_memory = 2,  // reached limits.memory_bytes
    out_of_time = 3,    // reached its timeout
    out_of_disk = 4,    // reached limits.disk_bytes
    output_limit = 5,   // went on printing far beyond limits.output_bytes
    cancelled = 6,      // somebody asked for it
    setup_failed = 7,   // the sandbox could not be built: detail is "step: reason". Not the job's fault
    worker_lost = 8,    // the worker died, was cut off, or gave it up. Not the job's fault
};

struct Outcome {
    OutcomeKind kind = OutcomeKind::exited;
    std::int32_t exit_code = 0;  // of exited
    std::int32_t signal = 0;     // of signalled
    std::string detail;          // a sentence for people; may be empty

    bool operator==(const Outcome&) const = default;
};

// True when the attempt ended through no fault of the job: it is tried again without using up max_attempts.
constexpr bool is_infrastructure(OutcomeKind kind) {
    return kind == OutcomeKind::setup_failed || kind == OutcomeKind::worker_lost;
}

std::string_view name(OutcomeKind kind);  // as in API.md
std::optional<OutcomeKind> outcome_named(std::string_view text);

struct Usage {
    Microseconds wall{};  // from the start of the process to the end of its whole tree
    Microseconds cpu_user{};
    Microseconds cpu_system{};
    std::int64_t peak_memory_bytes = 0;
    bool peak_memory_is_largest_process = false;  // no memory controller: the largest single process, not the sum
    std::int64_t read_bytes = 0;
    std::int64_t written_bytes = 0;
    std::int32_t peak_processes = 0;  // processes and threads at the same time; 0: no process controller, not known

    bool operator==(const Usage&) const = default;
};

// A file that the job left in out/. Its bytes are kept under its hash when they fit (stored).
struct ResultFile {
    std::string path;  // relative to out/, forward slashes; bytes as the job wrote them, made valid UTF-8
    std::int64_t size_bytes = 0;
    std::string sha256;  // hex, lower case
    bool stored = false;

    bool operator==(const ResultFile&) const = default;
};

// What an attempt left, without the bytes of its output (those are in chunks) and files (those are blobs).
struct AttemptResult {
    Outcome outcome;
    Usage usage;
    std::int64_t stdout_bytes = 0;  // kept
    std::int64_t stderr_bytes = 0;
    bool stdout_truncated = false;  // there was more than was kept
    bool stderr_truncated = false;
    std::vector<ResultFile> files;
    bool files_truncated = false;  // there were more files, or larger ones, than are listed
    std::string value_json;        // out/results.json when it was valid JSON of bounded size, else empty

    bool operator==(const AttemptResult&) const = default;
};

enum class OutputStream : std::int16_t { standard_output = 1, standard_error = 2 };

}  // namespace windlass
