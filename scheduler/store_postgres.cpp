// The store on PostgreSQL. One set-based statement per kind of change: a round trip per row would cost ten times as
// much.
#include <algorithm>
#include <charconv>
#include <map>

#include "scheduler/store_postgres_json.h"
#include "scheduler/store_rows.h"
#include "scheduler/store_sql.h"
#include "shared/database/native.h"

namespace windlass::scheduler {
namespace {

constexpr std::string_view insert_workers =
    "insert into worker (id, name, first_seen_us) select id, name, first_seen_us from json_to_recordset(cast(:rows as "
    "json)) as r(id bigint, name text, first_seen_us bigint) on conflict (id) do nothing";

constexpr std::string_view insert_blobs =
    "insert into blob (sha256, size_bytes, bytes) select r.sha256, length(r.bytes) / 2, decode(r.bytes, 'hex') from "
    "json_to_recordset(cast(:rows as json)) as r(sha256 text, bytes text) on conflict (sha256) do nothing";

// Both tables from one reading of the JSON. The count is of rows that were not there.
constexpr std::string_view insert_jobs =
    "with r as materialized (select * from json_to_recordset(cast(:rows as json)) as r(id bigint, owner bigint, name "
    "text, priority smallint, submitted_us bigint, running_commands text, code_sha256 text, data_sha256 text, "
    "timeout_ms "
    "bigint, max_attempts bigint, cpu_millis bigint, memory_bytes bigint, disk_bytes bigint, processes bigint, "
    "output_bytes bigint, open_files bigint, env text, details text, state smallint, attempt bigint, failures "
    "smallint, losses "
    "smallint, worker bigint, cancel_requested smallint, started_us bigint, finished_us bigint, event_seq bigint)), "
    "j as (insert into job (id, owner, name, priority, submitted_us, running_commands, code_sha256, data_sha256, "
    "timeout_ms, max_attempts, cpu_millis, memory_bytes, disk_bytes, processes, output_bytes, open_files, env, "
    "details) select "
    "id, "
    "owner, name, priority, submitted_us, running_commands, code_sha256, data_sha256, timeout_ms, max_attempts, "
    "cpu_millis, memory_bytes, disk_bytes, processes, output_bytes, open_files, env, details from r on conflict (id) "
    "do "
    "nothing) "
    "insert into job_state (id, state, attempt, failures, losses, worker, cancel_requested, started_us, finished_us, "
    "event_seq) select id, state, attempt, failures, losses, worker, cancel_requested, started_us, finished_us, "
    "event_seq "
    "from r on conflict (id) do nothing";

// Of these jobs, the first one that is not in the tables as it stands in the JSON.
constexpr std::string_view find_occupied =
    "select r.id from json_to_recordset(cast(:rows as json)) as r(id bigint, owner bigint, submitted_us bigint, state "
    "smallint, attempt bigint, event_seq bigint) left join job j on j.id = r.id left join job_state s on s.id = r.id "
    "where (j.owner = r.owner and j.submitted_us = r.submitted_us and (s.state + 0) = r.state and s.attempt = "
    "r.attempt "
    "and s.event_seq = r.event_seq) is not true order by r.id limit 1";

// The fence, and that the batch may have been applied already. state + 0: statistics from before the load say that no
// row is in this state, and the planner would read the whole table instead of using the primary key.
#define WINDLASS_CHANGES                                                                                        \
    "json_to_recordset(cast(:rows as json)) as c(id bigint, from_state smallint, from_attempt bigint, state "   \
    "smallint, "                                                                                                \
    "attempt bigint, failures smallint, losses smallint, worker bigint, cancel_requested smallint, started_us " \
    "bigint, "                                                                                                  \
    "finished_us bigint, event_seq bigint)"
#define WINDLASS_FENCE                                                                                              \
    "((j.attempt = c.from_attempt and (j.state + 0) = c.from_state) or ((j.state + 0) = c.state and j.attempt = "   \
    "c.attempt and j.failures = c.failures and j.losses = c.losses and j.worker is not distinct from c.worker and " \
    "j.cancel_requested = c.cancel_requested and j.started_us is not distinct from c.started_us and j.finished_us " \
    "is not distinct from c.finished_us and j.event_seq = c.event_seq))"

constexpr std::string_view update_states =
    "update job_state j set state = c.state, attempt = c.attempt, failures = c.failures, losses = c.losses, worker = "
    "c.worker, cancel_requested = c.cancel_requested, started_us = c.started_us, finished_us = c.finished_us, "
    "event_seq "
    "= c.event_seq from " WINDLASS_CHANGES " where j.id = c.id and " WINDLASS_FENCE;

// After that the rows are as the batch leaves them, so what still fails the fence was refused.
constexpr std::string_view find_stale =
    "select c.id from " WINDLASS_CHANGES " left join job_state j on j.id = c.id where (" WINDLASS_FENCE
    ") is not true order by c.id limit 1";

constexpr std::string_view insert_events =
    "insert into job_event (job, seq, at_us, move, state, attempt, worker, detail) select job, seq, at_us, move, "
    "state, "
    "attempt, worker, detail from json_to_recordset(cast(:rows as json)) as r(job bigint, seq bigint, at_us bigint, "
    "move "
    "smallint, state smallint, attempt bigint, worker bigint, detail text) on conflict (job, seq) do nothing";

constexpr std::string_view insert_results =
    "insert into attempt_result (job, attempt, worker, ended_us, outcome, exit_code, signal, detail, wall_us, "
    "cpu_user_us, cpu_system_us, peak_memory_bytes, peak_is_largest_process, read_bytes, written_bytes, stdout_bytes, "
    "stderr_bytes, stdout_truncated, stderr_truncated, files, files_truncated, value, peak_processes) select job, "
    "attempt, worker, "
    "ended_us, outcome, exit_code, signal, detail, wall_us, cpu_user_us, cpu_system_us, peak_memory_bytes, "
    "peak_is_largest_process, read_bytes, written_bytes, stdout_bytes, stderr_bytes, stdout_truncated, "
    "stderr_truncated, "
    "files, files_truncated, value, peak_processes from json_to_recordset(cast(:rows as json)) as r(job bigint, "
    "attempt bigint, worker "
    "bigint, ended_us bigint, outcome smallint, exit_code bigint, signal bigint, detail text, wall_us bigint, "
    "cpu_user_us "
    "bigint, cpu_system_us bigint, peak_memory_bytes bigint, peak_is_largest_process smallint, read_bytes bigint, "
    "written_bytes bigint, stdout_bytes bigint, stderr_bytes bigint, stdout_truncated smallint, stderr_truncated "
    "smallint, files text, files_truncated smallint, value text, peak_processes bigint) on conflict (job, attempt) do "
    "nothing";

constexpr std::string_view insert_output =
    "insert into job_output (job, attempt, stream, start_offset, bytes) select job, attempt, stream, start_offset, "
    "decode(bytes, 'hex') from json_to_recordset(cast(:rows as json)) as r(job bigint, attempt bigint, stream "
    "smallint, "
    "start_offset bigint, bytes text) on conflict (job, attempt, stream, start_offset) do nothing";

const std::string select_payloads =
    "select j.id, " + std::string(payload_columns) +
    " from unnest(cast(:ids as bigint[])) with ordinality as u(id, n) join job j on j.id = u.id order by u.n";

constexpr std::string_view select_blobs = "select sha256, bytes from blob where sha256 = any(cast(:hashes as text[]))";

constexpr std::string_view try_lock = "select case when pg_try_advisory_lock(8244930018) then 1 else 0 end";

// Every statement of a commit finds its rows by primary key. Without these the planner, which knows the tables as they
// were at their last analyze, reads them from end to end while they grow.
constexpr const char* keep_to_the_keys =
    "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off";

class PostgresStore final : public SqlStore {
  public:
    explicit PostgresStore(const DatabaseUrl& url)
        : SqlStore(url, {.application_name = "windlass-scheduler", .on_connect = keep_to_the_keys}),
          lock_session_(url, {.application_name = "windlass-scheduler-lock"}) {}

    Result<std::vector<JobPayload>> payloads(const std::vector<JobId>& jobs) override;

  protected:
    Status take_lock() override;
    bool holds_lock() override { return locked_ && lock_session_.connected(); }
    Status write(const Batch& batch) override;
    Status load_jobs(std::vector<StoredJob>& jobs) override;

  private:
    // The number of rows inserted or updated, over all pieces.
    Result<std::int64_t> execute(std::string_view sql, const JsonPieces& pieces);
    Result<std::optional<JobId>> find(std::string_view sql, const JsonPieces& pieces);
    Status insert(const std::vector<JobRecord>& jobs);
    Status change(const std::vector<StateChange>& changes);
    Result<std::map<std::string, std::string>> blobs(const std::vector<StoredPayload>& payloads);

    Session lock_session_;  // a connection of its own: the lock lives as long as it does
    bool locked_ = false;
};

Status PostgresStore::take_lock() {
    locked_ = false;
    WINDLASS_TRY(const auto rows, lock_session_.query(try_lock));
    if (rows[0].integer(0) == 0) {
        return make_error(ErrorKind::conflict,
                          "another scheduler leads " + session_.url().shown() + " now. Stop it, or wait for it to end");
    }
    locked_ = true;
    return Status();
}

Result<std::int64_t> PostgresStore::execute(std::string_view sql, const JsonPieces& pieces) {
    std::int64_t rows = 0;
    for (const std::string& piece : pieces) {
        WINDLASS_TRY(const std::int64_t affected, session_.execute(sql, piece));
        rows += affected;
    }
    return rows;
}

Result<std::optional<JobId>> PostgresStore::find(std::string_view sql, const JsonPieces& pieces) {
    for (const std::string& piece : pieces) {
        WINDLASS_TRY(const auto rows, session_.query(sql, piece));
        if (!rows.empty()) return std::optional(JobId{rows[0].integer(0)});
    }
    return std::optional<JobId>();
}

Status PostgresStore::insert(const std::vector<JobRecord>& jobs) {
    const JsonPieces pieces = json_of(jobs);
    WINDLASS_TRY(const std::int64_t inserted, execute(insert_jobs, pieces));
    if (static_cast<std::size_t>(inserted) == jobs.size()) return Status();
    WINDLASS_TRY(const std::optional<JobId> occupied, find(find_occupied, pieces));
    if (occupied) return occupied_job(*occupied);
    return Status();
}

Status PostgresStore::change(const std::vector<StateChange>& changes) {
    const JsonPieces pieces = json_of(changes);
    WINDLASS_TRY(const std::int64_t updated, execute(update_states, pieces));
    if (static_cast<std::size_t>(updated) == changes.size()) return Status();
    WINDLASS_TRY(const std::optional<JobId> stale, find(find_stale, pieces));
    return stale_job(stale.value_or(changes.front().job));
}

Status PostgresStore::write(const Batch& batch) {
    WINDLASS_TRY_STATUS(done(execute(insert_workers, json_of(batch.workers))));
    WINDLASS_TRY_STATUS(done(execute(insert_blobs, json_of(batch.blobs))));
    if (!batch.jobs.empty()) WINDLASS_TRY_STATUS(insert(batch.jobs));
    if (!batch.changes.empty()) WINDLASS_TRY_STATUS(change(batch.changes));
    WINDLASS_TRY_STATUS(done(execute(insert_events, json_of(batch.events))));
    WINDLASS_TRY_STATUS(done(execute(insert_results, json_of(batch.results))));
    return done(execute(insert_output, json_of(batch.output)));
}

// ---- reading -------------------------------------------------------------------------------------------------------

// {1,2,3}, an array literal. Hashes are hexadecimal digits and ids are numbers: nothing to escape.
template <class Items, class Text>
std::string array_literal(const Items& items, Text&& text) {
    std::string literal = "{";
    for (const auto& item : items) {
        if (literal.size() > 1) literal += ',';
        literal += text(item);
    }
    return literal + "}";
}

// Each content once, however many of the jobs use it.
Result<std::map<std::string, std::string>> PostgresStore::blobs(const std::vector<StoredPayload>& payloads) {
    std::map<std::string, std::string> bytes;
    for (const StoredPayload& payload : payloads) {
        if (!payload.code_sha256.empty()) bytes.try_emplace(payload.code_sha256);
        if (!payload.data_sha256.empty()) bytes.try_emplace(payload.data_sha256);
    }
    if (bytes.empty()) return bytes;
    const std::string hashes = array_literal(bytes, [](const auto& entry) { return entry.first; });
    WINDLASS_TRY(const auto rows, session_.query(select_blobs, hashes));
    if (rows.size() != bytes.size()) {
        return make_error(ErrorKind::internal, "the code or data of a job is not in the store");
    }
    for (const Row& row : rows) bytes[row.text(0)] = row.bytes(1);
    return bytes;
}

Result<std::vector<JobPayload>> PostgresStore::payloads(const std::vector<JobId>& jobs) {
    const std::string ids = array_literal(jobs, [](JobId id) { return id.text(); });
    WINDLASS_TRY(const auto rows, session_.query(select_payloads, ids));
    std::vector<StoredPayload> stored;
    stored.reserve(rows.size());
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (i >= rows.size() || rows[i].integer(0) != jobs[i].value) {
            return make_error(ErrorKind::internal, "job " + jobs[i].text() + " is not in the store");
        }
        WINDLASS_TRY(StoredPayload payload, payload_of(rows[i], 1));
        stored.push_back(std::move(payload));
    }
    WINDLASS_TRY(auto bytes, blobs(stored));
    std::vector<JobPayload> payloads;
    payloads.reserve(stored.size());
    for (StoredPayload& payload : stored) {
        payloads.push_back({std::move(payload.spec), bytes[payload.code_sha256], bytes[payload.data_sha256]});
    }
    return payloads;
}

// One line of COPY's text format: columns between tabs, \N for NULL.
std::optional<LiveColumns> parse_line(std::string_view line) {
    LiveColumns columns{};
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const std::string_view field = line.substr(0, line.find_first_of("\t\n"));
        if (field == "\\N") {
            columns[i] = null_column;
        } else if (std::from_chars(field.data(), field.data() + field.size(), columns[i]).ec != std::errc()) {
            return std::nullopt;
        }
        line.remove_prefix(std::min(line.size(), field.size() + 1));
    }
    return columns;
}

// COPY through libpq: SOCI holds a whole result in memory, and its single-row mode fails with rowset.
Status copy_live_jobs(PGconn* connection, std::vector<StoredJob>& jobs) {
    const std::string copy = "copy (" + std::string(select_live_jobs) + ") to stdout";
    const database::PgResult start(PQexec(connection, copy.c_str()), &PQclear);
    const Error away = make_error(ErrorKind::unavailable, "the database went away while jobs were read from it");
    if (PQresultStatus(start.get()) != PGRES_COPY_OUT) return away;
    bool understood = true;
    char* line = nullptr;
    int size = 0;
    while ((size = PQgetCopyData(connection, &line, 0)) > 0) {
        const auto columns = parse_line({line, static_cast<std::size_t>(size)});
        PQfreemem(line);
        understood = understood && columns.has_value();
        if (understood) jobs.push_back(live_job(*columns));
    }
    const database::PgResult end(PQgetResult(connection), &PQclear);
    const database::PgResult nothing(PQgetResult(connection), &PQclear);
    if (size != -1 || PQresultStatus(end.get()) != PGRES_COMMAND_OK) return away;
    if (!understood) return make_error(ErrorKind::internal, "a job in the database has a column that is not a number");
    return Status();
}

Status PostgresStore::load_jobs(std::vector<StoredJob>& jobs) {
    WINDLASS_TRY(Transaction transaction, Transaction::begin(session_));
    WINDLASS_TRY_STATUS(
        session_.run_script("set local enable_seqscan = on; set local enable_hashjoin = on; set local "
                            "enable_mergejoin = on; set local statement_timeout = 0",
                            "settings for reading all jobs"));
    if (Status copied = copy_live_jobs(database::native_postgresql(session_.soci()), jobs); !copied) {
        session_.disconnect();
        return copied;
    }
    return transaction.commit();
}

}  // namespace

std::unique_ptr<SqlStore> make_postgres_store(const DatabaseUrl& url) {
    return std::make_unique<PostgresStore>(url);
}

}  // namespace windlass::scheduler
