// How the values of a store stand in the columns of sql/0001, for both engines. Internal to the SQL stores.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
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
inline std::optional<std::int64_t> array_column(JobId array) {
    return array ? std::optional(array.value) : std::nullopt;
}
// Of a queue: weights are positive, so the smallest one that can be kept is not 0.
inline std::int64_t weight_column(double weight) {
    return std::max<std::int64_t>(1, std::llround(weight * 1000));
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
    "j.processes, j.output_bytes, j.open_files, j.env, j.code_sha256, j.data_sha256, j.details, j.queue";
struct PayloadRow {
    JobSpec spec;
    std::string code_sha256;  // empty: no bytes
    std::string data_sha256;
};
// `first`: the column of j.name.
Result<PayloadRow> payload_of(const Row& row, std::size_t first);

// Eight columns from `first` on: count, next_member, max_fails, succeeded, failed, timed_out, cancelled, lost.
ArrayRow array_row(const Row& row, std::size_t first);

// Jobs that have not ended, `s` their state: restart reads a million of them. Members of arrays by themselves: with one
// condition for both PostgreSQL could not merge the two tables along their keys. The bound on j.id keeps that from
// walking through the history. Last the two texts, which most jobs do without: the queue unless it is "default", and
// the details.
#define WINDLASS_LIVE_COLUMNS                                                                                    \
    "select s.id, s.owner, j.priority, j.max_attempts, j.cpu_millis, j.memory_bytes, s.state, s.attempt, "       \
    "s.failures, s.losses, s.worker, s.cancel_requested, s.started_us, s.finished_us, s.event_seq, s.array_id, " \
    "case when j.queue = 'default' then '' else j.queue end, j.details from job_state s join job j on "
inline constexpr std::string_view select_live_jobs = WINDLASS_LIVE_COLUMNS
    "j.id = s.id where s.state < 4 and s.array_id is null and j.id >= (select min(id) from job_state) order by s.id";
inline constexpr std::string_view select_live_members =
    WINDLASS_LIVE_COLUMNS "j.id = s.array_id where s.state < 4 and s.array_id is not null order by s.id";
#undef WINDLASS_LIVE_COLUMNS
inline constexpr std::int64_t null_column = std::numeric_limits<std::int64_t>::min();
using LiveColumns = std::array<std::int64_t, 16>;
Result<StoredJob> live_job(const LiveColumns& columns, std::string_view queue, std::string_view details);

}  // namespace windlass::scheduler
