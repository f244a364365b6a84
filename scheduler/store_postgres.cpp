// The store on PostgreSQL. One set-based statement per kind of change: a round trip per row would cost ten times as
// much.
#include <algorithm>
#include <charconv>

#include "scheduler/store_particulars.h"
#include "scheduler/store_postgres_columns.h"
#include "scheduler/store_postgres_json.h"
#include "scheduler/store_rows.h"
#include "scheduler/store_sql.h"
#include "shared/database/native.h"
#include "shared/guard.h"
#include "shared/log.h"

namespace windlass::scheduler {
namespace {

constexpr std::string_view insert_workers =
    "insert into worker (id, name, first_seen_us) select id, name, first_seen_us from json_to_recordset(cast(:rows as "
    "json)) as r(id bigint, name text, first_seen_us bigint) on conflict (id) do nothing";

constexpr std::string_view insert_blobs =
    "insert into blob (sha256, size_bytes, bytes) select r.sha256, length(r.bytes) / 2, decode(r.bytes, 'hex') from "
    "json_to_recordset(cast(:rows as json)) as r(sha256 text, bytes text) on conflict (sha256) do nothing";

#define WINDLASS_STATE_FIELDS                                                                                        \
    "state smallint, attempt bigint, failures smallint, losses smallint, worker bigint, cancel_requested smallint, " \
    "started_us bigint, finished_us bigint, event_seq bigint"
#define WINDLASS_STATE_NAMES \
    "state, attempt, failures, losses, worker, cancel_requested, started_us, finished_us, event_seq"
#define WINDLASS_JOB_NAMES                                                                                            \
    "id, owner, name, priority, submitted_us, running_commands, code_sha256, data_sha256, timeout_ms, max_attempts, " \
    "cpu_millis, memory_bytes, disk_bytes, processes, output_bytes, open_files, env, details, queue, rerun_of, "      \
    "schedule, planned_us"

// Both tables from one reading of the JSON. The count is of rows that were not there.
constexpr std::string_view insert_jobs =
    "with r as materialized (select * from json_to_recordset(cast(:rows as json)) as r(id bigint, owner bigint, name "
    "text, priority smallint, submitted_us bigint, running_commands text, code_sha256 text, data_sha256 text, "
    "timeout_ms bigint, max_attempts bigint, cpu_millis bigint, memory_bytes bigint, disk_bytes bigint, processes "
    "bigint, output_bytes bigint, open_files bigint, env text, details text, queue text, rerun_of bigint, schedule "
    "bigint, planned_us bigint, " WINDLASS_STATE_FIELDS ")), j as (insert into job (" WINDLASS_JOB_NAMES
    ") select " WINDLASS_JOB_NAMES
    " from r on conflict (id) do nothing) insert into job_state (id, owner, " WINDLASS_STATE_NAMES
    ") select id, owner, " WINDLASS_STATE_NAMES " from r on conflict (id) do nothing";

constexpr std::string_view insert_members =
    "insert into job_state (id, array_id, owner, " WINDLASS_STATE_NAMES
    ") select r.id, r.array_id, a.owner, r.state, r.attempt, r.failures, r.losses, r.worker, r.cancel_requested, "
    "r.started_us, r.finished_us, r.event_seq from json_to_recordset(cast(:rows as json)) as r(id bigint, array_id "
    "bigint, " WINDLASS_STATE_FIELDS ") join job a on a.id = r.array_id on conflict (id) do nothing";
constexpr std::string_view find_occupied_member =
    "select r.id from json_to_recordset(cast(:rows as json)) as r(id bigint, array_id bigint, state smallint, attempt "
    "bigint, event_seq bigint) left join job_state s on s.id = r.id where (s.array_id = r.array_id and (s.state + 0) = "
    "r.state and s.attempt = r.attempt and s.event_seq = r.event_seq) is not true order by r.id limit 1";

// Of these jobs, the first one that is not in the tables as it stands in the JSON.
constexpr std::string_view find_occupied =
    "select r.id from json_to_recordset(cast(:rows as json)) as r(id bigint, owner bigint, submitted_us bigint, state "
    "smallint, attempt bigint, event_seq bigint) left join job j on j.id = r.id left join job_state s on s.id = r.id "
    "where (j.owner = r.owner and j.submitted_us = r.submitted_us and (s.state + 0) = r.state and s.attempt = "
    "r.attempt "
    "and s.event_seq = r.event_seq) is not true order by r.id limit 1";

// The fence, and that the batch may have been applied already. state + 0: statistics from before the load say that no
// row is in this state, and the planner would read the whole table instead of using the primary key.
#define WINDLASS_CHANGES                                                                                   \
    "unnest(cast(:id as bigint[]), cast(:from_state as smallint[]), cast(:from_attempt as bigint[]), "     \
    "cast(:state as smallint[]), cast(:attempt as bigint[]), cast(:failures as smallint[]), cast(:losses " \
    "as smallint[]), cast(:worker as bigint[]), cast(:cancel_requested as smallint[]), cast(:started_us "  \
    "as bigint[]), cast(:finished_us as bigint[]), cast(:event_seq as bigint[])) as c(id, from_state, "    \
    "from_attempt, state, attempt, failures, losses, worker, cancel_requested, started_us, finished_us, "  \
    "event_seq)"
#define WINDLASS_AS_BEFORE "(j.attempt = c.from_attempt and (j.state + 0) = c.from_state)"
#define WINDLASS_FENCE                                                                                              \
    "(" WINDLASS_AS_BEFORE                                                                                          \
    " or ((j.state + 0) = c.state and j.attempt = "                                                                 \
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
    "insert into job_event (job, seq, at_us, move, state, attempt, worker, detail) select job, seq, "
    "at_us, move, state, attempt, worker, detail from unnest(cast(:job as bigint[]), cast(:seq as "
    "bigint[]), cast(:at_us as bigint[]), cast(:move as smallint[]), cast(:state as smallint[]), "
    "cast(:attempt as bigint[]), cast(:worker as bigint[]), cast(:detail as text[])) as r(job, seq, "
    "at_us, move, state, attempt, worker, detail) on conflict (job, seq) do nothing";

constexpr std::string_view insert_results =
    "insert into attempt_result (job, attempt, worker, ended_us, outcome, exit_code, signal, detail, "
    "wall_us, cpu_user_us, cpu_system_us, peak_memory_bytes, peak_is_largest_process, read_bytes, "
    "written_bytes, stdout_bytes, stderr_bytes, stdout_truncated, stderr_truncated, files, "
    "files_truncated, value, peak_processes) select job, attempt, worker, ended_us, outcome, exit_code, "
    "signal, detail, wall_us, cpu_user_us, cpu_system_us, peak_memory_bytes, peak_is_largest_process, "
    "read_bytes, written_bytes, stdout_bytes, stderr_bytes, stdout_truncated, stderr_truncated, files, "
    "files_truncated, value, peak_processes from unnest(cast(:job as bigint[]), cast(:attempt as "
    "bigint[]), cast(:worker as bigint[]), cast(:ended_us as bigint[]), cast(:outcome as smallint[]), "
    "cast(:exit_code as bigint[]), cast(:signal as bigint[]), cast(:detail as text[]), cast(:wall_us as "
    "bigint[]), cast(:cpu_user_us as bigint[]), cast(:cpu_system_us as bigint[]), "
    "cast(:peak_memory_bytes as bigint[]), cast(:peak_is_largest_process as smallint[]), "
    "cast(:read_bytes as bigint[]), cast(:written_bytes as bigint[]), cast(:stdout_bytes as bigint[]), "
    "cast(:stderr_bytes as bigint[]), cast(:stdout_truncated as smallint[]), cast(:stderr_truncated as "
    "smallint[]), cast(:files as text[]), cast(:files_truncated as smallint[]), cast(:value as text[]), "
    "cast(:peak_processes as bigint[])) as r(job, attempt, worker, ended_us, outcome, exit_code, signal, "
    "detail, wall_us, cpu_user_us, cpu_system_us, peak_memory_bytes, peak_is_largest_process, "
    "read_bytes, written_bytes, stdout_bytes, stderr_bytes, stdout_truncated, stderr_truncated, files, "
    "files_truncated, value, peak_processes) on conflict (job, attempt) do nothing";

constexpr std::string_view insert_output =
    "insert into job_output (job, attempt, stream, start_offset, bytes) select job, attempt, stream, start_offset, "
    "decode(bytes, 'hex') from json_to_recordset(cast(:rows as json)) as r(job bigint, attempt bigint, stream "
    "smallint, "
    "start_offset bigint, bytes text) on conflict (job, attempt, stream, start_offset) do nothing";

// ---- what stands beside a job

constexpr std::string_view upsert_arrays =
    "insert into job_array (id, count, next_member, max_fails, succeeded, failed, timed_out, cancelled, lost) select "
    "id, count, next_member, max_fails, succeeded, failed, timed_out, cancelled, lost from "
    "json_to_recordset(cast(:rows as json)) as r(id bigint, count bigint, next_member bigint, max_fails bigint, "
    "succeeded bigint, failed bigint, timed_out bigint, cancelled bigint, lost bigint) on conflict (id) do update set "
    "next_member = excluded.next_member, max_fails = excluded.max_fails, succeeded = excluded.succeeded, failed = "
    "excluded.failed, timed_out = excluded.timed_out, cancelled = excluded.cancelled, lost = excluded.lost";

constexpr std::string_view insert_params =
    "insert into job_array_params (array_id, first, params) select array_id, first, params from "
    "json_to_recordset(cast(:rows as json)) as r(array_id bigint, first bigint, params text) on conflict (array_id, "
    "first) do nothing";

constexpr std::string_view insert_tags =
    "insert into job_tag (tag, owner, job) select tag, owner, job from json_to_recordset(cast(:rows as json)) as r(tag "
    "text, owner bigint, job bigint) on conflict (tag, owner, job) do nothing";

constexpr std::string_view insert_dependencies =
    "insert into job_dependency (job, after_job, condition) select job, after_job, condition from "
    "json_to_recordset(cast(:rows as json)) as r(job bigint, after_job bigint, condition smallint) on conflict (job, "
    "after_job, condition) do nothing";

constexpr std::string_view raise_schedules =
    "update job_schedule s set planned_us = r.planned_us, last_job = r.job from json_to_recordset(cast(:rows as json)) "
    "as r(id bigint, planned_us bigint, job bigint) where s.id = r.id and s.planned_us <= r.planned_us";

constexpr std::string_view add_uses =
    "insert into blob_owner (owner, sha256, size_bytes, created_us, jobs) select r.owner, r.sha256, b.size_bytes, "
    "r.created_us, r.jobs from json_to_recordset(cast(:rows as json)) as r(owner bigint, sha256 text, created_us "
    "bigint, jobs bigint) join blob b on b.sha256 = r.sha256 on conflict (owner, sha256) do update set jobs = "
    "blob_owner.jobs + excluded.jobs";

constexpr std::string_view add_result_blobs =
    "insert into result_blob (sha256, results) select sha256, results from json_to_recordset(cast(:rows as json)) as "
    "r(sha256 text, results bigint) on conflict (sha256) do update set results = result_blob.results + "
    "excluded.results";

// ---- what belongs to no job

constexpr std::string_view upsert_queues =
    "insert into job_queue (name, weight_millis, max_running, held, description) select name, weight_millis, "
    "max_running, held, description from json_to_recordset(cast(:rows as json)) as r(name text, weight_millis bigint, "
    "max_running bigint, held smallint, description text) on conflict (name) do update set weight_millis = "
    "excluded.weight_millis, max_running = excluded.max_running, held = excluded.held, description = "
    "excluded.description";

constexpr std::string_view delete_queues =
    "delete from job_queue q using json_to_recordset(cast(:rows as json)) as r(name text) where q.name = r.name";

constexpr std::string_view set_draining =
    "update worker w set draining = r.draining from json_to_recordset(cast(:rows as json)) as r(id bigint, draining "
    "smallint) where w.id = r.id";

constexpr std::string_view advance_schedule =
    "update job_schedule set planned_us = greatest(planned_us, :planned) where id = :id";

constexpr std::string_view add_usage =
    "insert into user_usage (owner, day, cpu_us) select owner, day, cpu_us from json_to_recordset(cast(:rows as json)) "
    "as r(owner bigint, day bigint, cpu_us bigint) on conflict (owner, day) do update set cpu_us = user_usage.cpu_us + "
    "excluded.cpu_us";

constexpr std::string_view upsert_keys =
    "insert into idempotency_key (account, route, key, body_sha256, created_us, first_job, job_count, answer) select "
    "account, route, key, body_sha256, created_us, first_job, job_count, answer from json_to_recordset(cast(:rows as "
    "json)) as r(account bigint, route text, key text, body_sha256 text, created_us bigint, first_job bigint, "
    "job_count "
    "bigint, answer text) on conflict (account, route, key) do update set body_sha256 = excluded.body_sha256, "
    "created_us "
    "= excluded.created_us, first_job = excluded.first_job, job_count = excluded.job_count, answer = excluded.answer, "
    "status = null";

constexpr std::string_view try_lock = "select case when pg_try_advisory_lock(8244930018) then 1 else 0 end";

// Of the lock above (its number is in two halves here), and of a commit that will not end. Those who only read the
// epoch, as schedulers that stand by do, hold neither. Waits up to 2 s for the connections to end.
constexpr std::string_view end_leader =
    "select pid, case when pg_terminate_backend(pid, 2000) then 1 else 0 end from pg_locks l where pid <> "
    "pg_backend_pid() and granted and database = (select oid from pg_database where datname = current_database()) and "
    "((locktype = 'advisory' and cast(classid as bigint) = 1 and cast(objid as bigint) = 3949962722) or (locktype = "
    "'relation' and relation = cast('scheduler_epoch' as regclass) and mode in ('RowShareLock', 'RowExclusiveLock')))";

// Every statement of a commit finds its rows by primary key. Without these the planner, which knows the tables as they
// were at their last analyze, reads them from end to end while they grow. So there is one plan for each, and to look
// for a better one for the arrays of each commit is work for nothing: an eighth of all.
constexpr const char* keep_to_the_keys =
    "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; "
    "set plan_cache_mode = force_generic_plan; set jit = off";

class PostgresStore final : public SqlStore {
  public:
    PostgresStore(const DatabaseUrl& url, LeadSettings lead)
        : SqlStore(url, {.application_name = "windlass-scheduler", .on_connect = keep_to_the_keys}, std::move(lead)),
          lock_session_(url, {.application_name = "windlass-scheduler-lock"}) {}

  protected:
    Status take_lock() override;
    bool holds_lock() override { return locked_ && lock_session_.connected(); }
    Status unseat() override;
    Status write(const Batch& batch) override;
    Status load_jobs(std::vector<StoredJob>& jobs) override;
    Status lock_blobs() override;

  private:
    // The number of rows inserted or updated, over all pieces.
    template <class Pieces>
    Result<std::int64_t> execute(std::string_view sql, const Pieces& pieces);
    template <class Pieces>
    Result<std::optional<JobId>> find(std::string_view sql, const Pieces& pieces);
    Status insert(const std::vector<JobRecord>& jobs);
    Status insert(const std::vector<MemberRecord>& members);
    Status insert(const std::vector<ResultRecord>& results);
    Status change(const std::vector<StateChange>& changes);

    Session lock_session_;  // a connection of its own: the lock lives as long as it does
    bool locked_ = false;
};

Status PostgresStore::take_lock() {
    locked_ = false;
    WINDLASS_TRY(const auto rows, lock_session_.query(try_lock));
    if (rows[0].integer(0) == 0 && WINDLASS_GUARD(sql_lock)) {
        return make_error(ErrorKind::conflict,
                          "another scheduler leads " + session_.url().shown() + " now. Stop it, or wait for it to end");
    }
    locked_ = true;
    return Status();
}

Status PostgresStore::unseat() {
    // Not its own lock, where it has taken it already: asked over that very connection.
    WINDLASS_TRY(const auto rows, lock_session_.query(end_leader));
    for (const Row& row : rows) log::warning("ended connection {} of the scheduler that led before", row.integer(0));
    return Status();
}

// A piece is one parameter, or one for each column.
std::vector<Param> parameters_in(const std::string& json) {
    return {Param(json)};
}
std::vector<Param> parameters_in(const Columns& columns) {
    return {columns.begin(), columns.end()};
}

template <class Pieces>
Result<std::int64_t> PostgresStore::execute(std::string_view sql, const Pieces& pieces) {
    std::int64_t rows = 0;
    for (const auto& piece : pieces) {
        std::vector<Param> params = parameters_in(piece);
        WINDLASS_TRY(const std::int64_t affected, session_.run_execute(sql, params));
        rows += affected;
    }
    return rows;
}

template <class Pieces>
Result<std::optional<JobId>> PostgresStore::find(std::string_view sql, const Pieces& pieces) {
    for (const auto& piece : pieces) {
        std::vector<Param> params = parameters_in(piece);
        WINDLASS_TRY(const auto rows, session_.run_query(sql, params));
        if (!rows.empty()) return std::optional(JobId{rows[0].integer(0)});
    }
    return std::optional<JobId>();
}

Status PostgresStore::insert(const std::vector<JobRecord>& jobs) {
    const JsonPieces pieces = json_of(jobs);
    WINDLASS_TRY(const std::int64_t inserted, execute(insert_jobs, pieces));
    if (static_cast<std::size_t>(inserted) != jobs.size()) {
        WINDLASS_TRY(const std::optional<JobId> occupied, find(find_occupied, pieces));
        if (occupied && WINDLASS_GUARD(sql_occupied_id)) return occupied_job(*occupied);
    } else {  // counted once, also when a batch without a number is repeated
        WINDLASS_TRY_STATUS(done(execute(add_uses, json_of(blob_uses_of(jobs)))));
    }
    WINDLASS_TRY_STATUS(done(execute(upsert_arrays, json_of(arrays_of(jobs)))));
    WINDLASS_TRY_STATUS(done(execute(insert_params, json_of(params_of(jobs)))));
    WINDLASS_TRY_STATUS(done(execute(insert_tags, json_of(tags_of(jobs)))));
    WINDLASS_TRY_STATUS(done(execute(insert_dependencies, json_of(dependencies_of(jobs)))));
    if (!WINDLASS_GUARD(sql_planned_moment_is_kept)) return Status();
    return done(execute(raise_schedules, json_of(schedules_of(jobs))));
}

Status PostgresStore::insert(const std::vector<MemberRecord>& members) {
    const JsonPieces pieces = json_of(members);
    WINDLASS_TRY(const std::int64_t inserted, execute(insert_members, pieces));
    if (static_cast<std::size_t>(inserted) == members.size()) return Status();
    WINDLASS_TRY(const std::optional<JobId> occupied, find(find_occupied_member, pieces));
    if (occupied && WINDLASS_GUARD(sql_occupied_id)) return occupied_job(*occupied);
    return Status();
}

Status PostgresStore::insert(const std::vector<ResultRecord>& results) {
    WINDLASS_TRY(const std::int64_t inserted, execute(insert_results, columns_of(results)));
    if (static_cast<std::size_t>(inserted) != results.size()) return Status();  // they were counted before
    return done(execute(add_result_blobs, json_of(result_blobs_of(results))));
}

Status PostgresStore::change(const std::vector<StateChange>& changes) {
    const ColumnPieces pieces = columns_of(changes);
    WINDLASS_TRY(const std::int64_t updated,
                 execute(WINDLASS_GUARDED_SQL(sql_fence, update_states, WINDLASS_AS_BEFORE), pieces));
    if (static_cast<std::size_t>(updated) == changes.size()) return Status();
    WINDLASS_TRY(const std::optional<JobId> stale, find(find_stale, pieces));
    return stale_job(stale.value_or(changes.front().job));
}

// Of a kind of which there is nothing no statement is sent.
Status PostgresStore::write(const Batch& batch) {
    WINDLASS_TRY_STATUS(done(execute(insert_workers, json_of(batch.workers))));
    WINDLASS_TRY_STATUS(write_offers(batch.offers));
    WINDLASS_TRY_STATUS(done(execute(insert_blobs, json_of(batch.blobs))));
    if (!batch.jobs.empty()) WINDLASS_TRY_STATUS(insert(batch.jobs));
    if (!batch.members.empty()) WINDLASS_TRY_STATUS(insert(batch.members));
    if (!batch.changes.empty()) WINDLASS_TRY_STATUS(change(batch.changes));
    WINDLASS_TRY_STATUS(done(execute(upsert_arrays, json_of(batch.arrays))));
    WINDLASS_TRY_STATUS(done(execute(delete_queues, json_of(batch.dropped_queues))));
    WINDLASS_TRY_STATUS(done(execute(upsert_queues, json_of(batch.queues))));
    WINDLASS_TRY_STATUS(done(execute(set_draining, json_of(batch.draining))));
    WINDLASS_TRY_STATUS(done(execute(add_usage, json_of(batch.usage))));
    for (const ScheduleProgress& left_out : batch.schedules)  // rare
        WINDLASS_TRY_STATUS(
            done(session_.execute(advance_schedule, to_unix_us(left_out.dealt_with), left_out.schedule)));
    WINDLASS_TRY_STATUS(done(execute(upsert_keys, json_of(batch.keys))));
    WINDLASS_TRY_STATUS(done(execute(insert_events, columns_of(batch.events))));
    if (!batch.results.empty()) WINDLASS_TRY_STATUS(insert(batch.results));
    return done(execute(insert_output, json_of(batch.output)));
}

// Uploads of the api wait, and those that have begun are waited for.
Status PostgresStore::lock_blobs() {
    return session_.run_script("lock table blob_owner, blob in share row exclusive mode", "a lock on the blobs");
}

// ---- reading -------------------------------------------------------------------------------------------------------

// A text in COPY's text format.
std::string unescaped(std::string_view field) {
    std::string text;
    for (std::size_t i = 0; i < field.size(); ++i) {
        if (field[i] != '\\' || i + 1 == field.size()) {
            text += field[i];
            continue;
        }
        constexpr std::string_view letters = "bfnrtv", meant = "\b\f\n\r\t\v";
        const std::size_t letter = letters.find(field[++i]);
        text += letter == std::string_view::npos ? field[i] : meant[letter];
    }
    return text;
}

// One line of COPY's text format: columns between tabs, \N for NULL.
Result<StoredJob> parse_line(std::string_view line) {
    const auto next = [&] {
        const std::string_view field = line.substr(0, line.find_first_of("\t\n"));
        line.remove_prefix(std::min(line.size(), field.size() + 1));
        return field;
    };
    LiveColumns columns{};
    for (std::int64_t& column : columns) {
        const std::string_view field = next();
        if (field == "\\N") {
            column = null_column;
        } else if (std::from_chars(field.data(), field.data() + field.size(), column).ec != std::errc()) {
            return make_error(ErrorKind::internal, "a job in the database has a column that is not a number");
        }
    }
    const std::string_view queue = next(), details = next();
    if (queue.empty() && details.empty()) return live_job(columns, {}, {});
    return live_job(columns, unescaped(queue), unescaped(details));
}

// COPY through libpq: SOCI holds a whole result in memory, and its single-row mode fails with rowset.
Status copy_live_jobs(PGconn* connection, std::string_view select, std::vector<StoredJob>& jobs) {
    const std::string copy = "copy (" + std::string(select) + ") to stdout";
    const database::PgResult start(PQexec(connection, copy.c_str()), &PQclear);
    const Error away = make_error(ErrorKind::unavailable, "the database went away while jobs were read from it");
    if (PQresultStatus(start.get()) != PGRES_COPY_OUT) return away;
    Status understood;
    char* line = nullptr;
    int size = 0;
    while ((size = PQgetCopyData(connection, &line, 0)) > 0) {
        if (understood) {
            if (auto job = parse_line({line, static_cast<std::size_t>(size)}); job)
                jobs.push_back(std::move(*job));
            else
                understood = job.error();
        }
        PQfreemem(line);
    }
    const database::PgResult end(PQgetResult(connection), &PQclear);
    const database::PgResult nothing(PQgetResult(connection), &PQclear);
    if (size != -1 || PQresultStatus(end.get()) != PGRES_COMMAND_OK) return away;
    return understood;
}

Status PostgresStore::load_jobs(std::vector<StoredJob>& jobs) {
    WINDLASS_TRY(Transaction transaction, Transaction::begin(session_));
    WINDLASS_TRY_STATUS(
        session_.run_script("set local enable_seqscan = on; set local enable_hashjoin = on; set local "
                            "enable_mergejoin = on; set local jit = off; set local statement_timeout = 0",
                            "settings for reading all jobs"));
    for (const std::string_view select : {select_live_jobs, select_live_members}) {
        Status copied = copy_live_jobs(database::native_postgresql(session_.soci()), select, jobs);
        if (copied) continue;
        session_.disconnect();
        return copied;
    }
    return transaction.commit();
}

}  // namespace

std::unique_ptr<SqlStore> make_postgres_store(const DatabaseUrl& url, LeadSettings lead) {
    return std::make_unique<PostgresStore>(url, std::move(lead));
}

}  // namespace windlass::scheduler
