// How the values of a store stand in the columns of sql/0001, for both engines. Internal to the SQL stores.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "scheduler/store.h"
#include "shared/database/session.h"

namespace windlass::scheduler {

inline std::optional<std::int64_t> worker_column(WorkerId worker) {
    return worker ? std::optional(worker.value) : std::nullopt;
}
inline std::optional<std::int64_t> time_column(const std::optional<WallTime>& time) {
    return time ? std::optional(to_unix_us(*time)) : std::nullopt;
}
inline std::optional<std::string> hash_column(const std::string& sha256) {
    return sha256.empty() ? std::nullopt : std::optional(sha256);
}

// Whether a row was inserted or was there already does not matter.
inline Status done(Result<std::int64_t> affected) {
    if (!affected) return std::move(affected).error();
    return Status();
}

// The columns of a payload, in the order in which payload_of() reads them; `j` is the job.
inline constexpr std::string_view payload_columns =
    "j.name, j.running_commands, j.priority, j.timeout_ms, j.max_attempts, j.cpu_millis, j.memory_bytes, j.disk_bytes, "
    "j.processes, j.output_bytes, j.open_files, j.env, j.code_sha256, j.data_sha256, j.details";
struct StoredPayload {
    JobSpec spec;
    std::string code_sha256;  // empty: no bytes
    std::string data_sha256;
};
// `first`: the column of j.name.
Result<StoredPayload> payload_of(const Row& row, std::size_t first);

// A job that has not ended, `s` its state: restart reads a million of them.
inline constexpr std::string_view select_live_jobs =
    "select s.id, j.owner, j.priority, j.max_attempts, j.cpu_millis, j.memory_bytes, s.state, s.attempt, s.failures, "
    "s.losses, s.worker, s.cancel_requested, s.started_us, s.finished_us, s.event_seq from job_state s join job j on "
    "j.id = s.id where s.state < 4 order by s.id";
inline constexpr std::int64_t null_column = std::numeric_limits<std::int64_t>::min();
using LiveColumns = std::array<std::int64_t, 15>;
StoredJob live_job(const LiveColumns& columns);

}  // namespace windlass::scheduler
