// The store on one SQLite file. One writer, prepared statements, row by row: inside one transaction a row costs a few
// microseconds, and there is no round trip to save.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>

#include "scheduler/store_particulars.h"
#include "scheduler/store_rows.h"
#include "scheduler/store_sql.h"
#include "scheduler/store_text.h"
#include "shared/database/native.h"
#include "shared/guard.h"
#include "shared/protocol.h"

namespace windlass::scheduler {
namespace {

constexpr std::string_view insert_worker =
    "insert into worker (id, name, first_seen_us) values (:id, :name, :first_seen) on conflict (id) do nothing";

constexpr std::string_view insert_blob =
    "insert into blob (sha256, size_bytes, bytes) values (:sha256, :size, :bytes) on conflict (sha256) do nothing";

constexpr std::string_view insert_job =
    "insert into job (id, owner, name, priority, submitted_us, running_commands, code_sha256, data_sha256, timeout_ms, "
    "max_attempts, cpu_millis, memory_bytes, disk_bytes, processes, output_bytes, open_files, env, details, queue, "
    "rerun_of, schedule, planned_us) values (:id, :owner, :name, :priority, :submitted, :running_commands, :code, "
    ":data, "
    ":timeout, :max_attempts, :cpu, :memory, :disk, :processes, :output, :open_files, :env, :details, :queue, :rerun, "
    ":schedule, :planned) on conflict (id) do nothing";

constexpr std::string_view insert_state =
    "insert into job_state (id, owner, state, attempt, failures, losses, worker, cancel_requested, started_us, "
    "finished_us, event_seq) values (:id, :owner, :state, :attempt, :failures, :losses, :worker, :cancel, :started, "
    ":finished, :seq) on conflict (id) do nothing";

constexpr std::string_view insert_member =
    "insert into job_state (id, array_id, owner, state, attempt, failures, losses, worker, cancel_requested, "
    "started_us, finished_us, event_seq) select :id, id, owner, :state, :attempt, :failures, :losses, :worker, "
    ":cancel, "
    ":started, :finished, :seq from job where id = :array on conflict (id) do nothing";

constexpr std::string_view same_member =
    "select count(*) from job_state where id = :id and array_id = :array and state = :state and attempt = :attempt and "
    "event_seq = :seq";

// The fence, and that the batch may have been applied already. Also finds out whether an insert met its own row.
constexpr std::string_view update_state =
    "update job_state set state = :state, attempt = :attempt, failures = :failures, losses = :losses, worker = "
    ":worker, "
    "cancel_requested = :cancel, started_us = :started, finished_us = :finished, event_seq = :seq where id = :id and "
    "((state = :from_state and attempt = :from_attempt) or (state = :state and attempt = :attempt and "
    "failures = :failures and losses = :losses and worker is :worker and cancel_requested = :cancel and "
    "started_us is :started and finished_us is :finished and event_seq = :seq))";

constexpr std::string_view same_job =
    "select count(*) from job j join job_state s on s.id = j.id where j.id = :id and j.owner = :owner and "
    "j.submitted_us = :submitted and s.state = :state and s.attempt = :attempt and s.event_seq = :seq";

constexpr std::string_view insert_event =
    "insert into job_event (job, seq, at_us, move, state, attempt, worker, detail) values (:job, :seq, :at, :move, "
    ":state, :attempt, :worker, :detail) on conflict (job, seq) do nothing";

constexpr std::string_view insert_result =
    "insert into attempt_result (job, attempt, worker, ended_us, outcome, exit_code, signal, detail, wall_us, "
    "cpu_user_us, cpu_system_us, peak_memory_bytes, peak_is_largest_process, read_bytes, written_bytes, stdout_bytes, "
    "stderr_bytes, stdout_truncated, stderr_truncated, files, files_truncated, value, peak_processes) values (:job, "
    ":attempt, :worker, "
    ":ended, :outcome, :exit_code, :signal, :detail, :wall, :cpu_user, :cpu_system, :peak, :largest, :read, :written, "
    ":stdout, :stderr, :stdout_cut, :stderr_cut, :files, :files_cut, :value, :processes) on conflict (job, attempt) do "
    "nothing";

constexpr std::string_view insert_output =
    "insert into job_output (job, attempt, stream, start_offset, bytes) values (:job, :attempt, :stream, :offset, "
    ":bytes) on conflict (job, attempt, stream, start_offset) do nothing";

// ---- what stands beside a job

constexpr std::string_view upsert_array =
    "insert into job_array (id, count, next_member, max_fails, succeeded, failed, timed_out, cancelled, lost) values "
    "(:id, :count, :next, :max_fails, :succeeded, :failed, :timed_out, :cancelled, :lost) on conflict (id) do update "
    "set next_member = excluded.next_member, max_fails = excluded.max_fails, succeeded = excluded.succeeded, failed = "
    "excluded.failed, timed_out = excluded.timed_out, cancelled = excluded.cancelled, lost = excluded.lost";

constexpr std::string_view insert_params =
    "insert into job_array_params (array_id, first, params) values (:array, :first, :params) on conflict (array_id, "
    "first) do nothing";

constexpr std::string_view insert_tag =
    "insert into job_tag (tag, owner, job) values (:tag, :owner, :job) on conflict (tag, owner, job) do nothing";

constexpr std::string_view insert_dependency =
    "insert into job_dependency (job, after_job, condition) values (:job, :after, :condition) on conflict (job, "
    "after_job, condition) do nothing";

constexpr std::string_view raise_schedule =
    "update job_schedule set planned_us = :planned, last_job = :job where id = :id and planned_us <= :planned";

constexpr std::string_view add_use =
    "insert into blob_owner (owner, sha256, size_bytes, created_us, jobs) select :owner, sha256, size_bytes, :created, "
    ":jobs from blob where sha256 = :sha256 on conflict (owner, sha256) do update set jobs = jobs + excluded.jobs";

constexpr std::string_view add_result_blob =
    "insert into result_blob (sha256, results) values (:sha256, :results) on conflict (sha256) do update set results = "
    "results + excluded.results";

// ---- what belongs to no job

constexpr std::string_view upsert_queue =
    "insert into job_queue (name, weight_millis, max_running, held, description) values (:name, :weight, :max_running, "
    ":held, :description) on conflict (name) do update set weight_millis = excluded.weight_millis, max_running = "
    "excluded.max_running, held = excluded.held, description = excluded.description";

constexpr std::string_view delete_queue = "delete from job_queue where name = :name";

constexpr std::string_view set_draining = "update worker set draining = :draining where id = :id";

constexpr std::string_view advance_schedule =
    "update job_schedule set planned_us = max(planned_us, :planned) where id = :id";

constexpr std::string_view add_usage =
    "insert into user_usage (owner, day, cpu_us) values (:owner, :day, :cpu) on conflict (owner, day) do update set "
    "cpu_us = cpu_us + excluded.cpu_us";

constexpr std::string_view upsert_key =
    "insert into idempotency_key (account, route, key, body_sha256, created_us, first_job, job_count, answer) values "
    "(:account, :route, :key, :body, :created, :first, :count, :answer) on conflict (account, route, key) do update "
    "set "
    "body_sha256 = excluded.body_sha256, created_us = excluded.created_us, first_job = excluded.first_job, job_count = "
    "excluded.job_count, answer = excluded.answer, status = null";

class SqliteStore final : public SqlStore {
  public:
    SqliteStore(const DatabaseUrl& url, LeadSettings lead)
        : SqlStore(url, {.application_name = "windlass-scheduler"}, std::move(lead)) {}
    ~SqliteStore() override {
        if (lock_ >= 0) ::close(lock_);
    }
    SqliteStore(const SqliteStore&) = delete;
    SqliteStore& operator=(const SqliteStore&) = delete;

  protected:
    Status take_lock() override;
    bool holds_lock() override { return lock_ >= 0; }
    Status unseat() override { return Status(); }  // open_store() refuses to share a file
    Status write(const Batch& batch) override;
    Status load_jobs(std::vector<StoredJob>& jobs) override;
    Status lock_blobs() override { return Status(); }  // there is one writer anyway

  private:
    Status write(const WorkerRecord& worker);
    Status write(const Blob& blob);
    // Whether it was new.
    Result<bool> write(const JobRecord& job);
    Result<bool> write(const ResultRecord& record);
    Status load_jobs(std::string_view select, std::vector<StoredJob>& jobs);
    Status write(const MemberRecord& member);
    Status write(const StateChange& change);
    Status write(const ChangeArray& array);
    Status write(const StoreQueue& queue);
    Status write(const KeyRecord& key);
    Status write(const RecordEvent& event);
    Status write(const OutputChunk& chunk);
    Status write_jobs(const std::vector<JobRecord>& jobs);
    Status write_results(const std::vector<ResultRecord>& results);

    int lock_ = -1;  // open and locked as long as this store leads
};

// A lock file that dies with the process, whatever kills it (flock(2)).
Status SqliteStore::take_lock() {
    const std::string path = session_.url().path() + ".scheduler-lock";
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0660);
    if (file < 0) return errno_error("opening " + path, errno);
    if (::flock(file, LOCK_EX | LOCK_NB) == 0 || !WINDLASS_GUARD(sql_lock)) {
        lock_ = file;
        return Status();
    }
    const int error = errno;
    ::close(file);
    if (error != EWOULDBLOCK) return errno_error("locking " + path, error);
    return make_error(ErrorKind::conflict, "another scheduler leads " + session_.url().shown() + " now (it holds " +
                                               path + "). Stop it, or wait for it to end");
}

Status SqliteStore::write(const Batch& batch) {
    for (const WorkerRecord& worker : batch.workers) WINDLASS_TRY_STATUS(write(worker));
    WINDLASS_TRY_STATUS(write_offers(batch.offers));
    for (const Blob& blob : batch.blobs) WINDLASS_TRY_STATUS(write(blob));
    WINDLASS_TRY_STATUS(write_jobs(batch.jobs));
    for (const MemberRecord& member : batch.members) WINDLASS_TRY_STATUS(write(member));
    for (const StateChange& change : batch.changes) WINDLASS_TRY_STATUS(write(change));
    for (const ChangeArray& array : batch.arrays) WINDLASS_TRY_STATUS(write(array));
    for (const DropQueue& queue : batch.dropped_queues)
        WINDLASS_TRY_STATUS(done(session_.execute(delete_queue, queue.name)));
    for (const StoreQueue& queue : batch.queues) WINDLASS_TRY_STATUS(write(queue));
    for (const StoreDraining& drained : batch.draining)
        WINDLASS_TRY_STATUS(done(session_.execute(set_draining, drained.draining, drained.worker.value)));
    for (const AddUsage& usage : batch.usage)
        WINDLASS_TRY_STATUS(done(session_.execute(add_usage, usage.user.value, usage.day, usage.cpu.count())));
    for (const KeyRecord& key : batch.keys) WINDLASS_TRY_STATUS(write(key));
    for (const ScheduleProgress& left_out : batch.schedules)
        WINDLASS_TRY_STATUS(
            done(session_.execute(advance_schedule, to_unix_us(left_out.dealt_with), left_out.schedule)));
    for (const RecordEvent& event : batch.events) WINDLASS_TRY_STATUS(write(event));
    WINDLASS_TRY_STATUS(write_results(batch.results));
    for (const OutputChunk& chunk : batch.output) WINDLASS_TRY_STATUS(write(chunk));
    return Status();
}

Status SqliteStore::write_jobs(const std::vector<JobRecord>& jobs) {
    bool all_new = true;
    for (const JobRecord& job : jobs) {
        WINDLASS_TRY(const bool is_new, write(job));
        all_new = all_new && is_new;
    }
    if (all_new) {  // counted once, also when a batch without a number is repeated
        for (const BlobUse& use : blob_uses_of(jobs))
            WINDLASS_TRY_STATUS(
                done(session_.execute(add_use, use.owner.value, to_unix_us(use.since), use.jobs, use.sha256)));
    }
    for (const ChangeArray& array : arrays_of(jobs)) WINDLASS_TRY_STATUS(write(array));
    for (const ParamsRow& row : params_of(jobs))
        WINDLASS_TRY_STATUS(done(session_.execute(insert_params, row.array.value, row.first, row.params)));
    for (const TagRow& row : tags_of(jobs))
        WINDLASS_TRY_STATUS(done(session_.execute(insert_tag, storable(row.tag), row.owner.value, row.job.value)));
    for (const DependencyRow& row : dependencies_of(jobs))
        WINDLASS_TRY_STATUS(
            done(session_.execute(insert_dependency, row.job.value, row.after.value, static_cast<int>(row.condition))));
    for (const ScheduleRow& row : schedules_of(jobs))
        if (WINDLASS_GUARD(sql_planned_moment_is_kept))
            WINDLASS_TRY_STATUS(
                done(session_.execute(raise_schedule, to_unix_us(row.planned), row.job.value, row.schedule)));
    return Status();
}

Status SqliteStore::write_results(const std::vector<ResultRecord>& results) {
    bool all_new = true;
    for (const ResultRecord& result : results) {
        WINDLASS_TRY(const bool is_new, write(result));
        all_new = all_new && is_new;
    }
    if (!all_new) return Status();  // they were counted before
    for (const ResultBlob& blob : result_blobs_of(results))
        WINDLASS_TRY_STATUS(done(session_.execute(add_result_blob, blob.sha256, blob.results)));
    return Status();
}

Status SqliteStore::write(const WorkerRecord& worker) {
    return done(
        session_.execute(insert_worker, worker.worker.value, storable(worker.name), to_unix_us(worker.first_seen)));
}

Status SqliteStore::write(const Blob& blob) {
    return done(session_.execute(insert_blob, blob.sha256, blob.bytes.size(), Bytes{blob.bytes}));
}

Result<bool> SqliteStore::write(const JobRecord& job) {
    const JobSpec& spec = job.spec;
    const Limits& limits = spec.limits;
    const StateRow& row = job.row;
    WINDLASS_TRY(
        const std::int64_t jobs,
        session_.execute(insert_job, job.job.value, job.owner.value, storable(spec.name), spec.priority,
                         to_unix_us(job.submitted), storable(spec.running_commands), hash_column(job.code_sha256),
                         hash_column(job.data_sha256), spec.timeout.count(), spec.max_attempts, limits.cpu_millis,
                         limits.memory_bytes, limits.disk_bytes, limits.processes, limits.output_bytes,
                         limits.open_files, environment_json(spec.env), storable(protocol::encode_details(spec)),
                         storable(spec.queue), array_column(job.rerun_of),
                         job.schedule == 0 ? std::nullopt : std::optional(job.schedule), time_column(job.planned)));
    WINDLASS_TRY(
        const std::int64_t states,
        session_.execute(insert_state, job.job.value, job.owner.value, static_cast<int>(row.state), row.attempt,
                         row.failures, row.losses, worker_column(row.worker), row.cancel_requested,
                         time_column(row.started), time_column(row.finished), row.event_seq));
    if (jobs == 1 && states == 1) return true;
    WINDLASS_TRY(const auto same, session_.query(same_job, job.job.value, job.owner.value, to_unix_us(job.submitted),
                                                 static_cast<int>(row.state), row.attempt, row.event_seq));
    if (same[0].integer(0) == 1 || !WINDLASS_GUARD(sql_occupied_id)) return false;
    return occupied_job(job.job);
}

Status SqliteStore::write(const MemberRecord& member) {
    const StateRow& row = member.row;
    WINDLASS_TRY(const std::int64_t inserted,
                 session_.execute(insert_member, member.job.value, static_cast<int>(row.state), row.attempt,
                                  row.failures, row.losses, worker_column(row.worker), row.cancel_requested,
                                  time_column(row.started), time_column(row.finished), row.event_seq, row.array.value));
    if (inserted == 1) return Status();
    WINDLASS_TRY(const auto same, session_.query(same_member, member.job.value, row.array.value,
                                                 static_cast<int>(row.state), row.attempt, row.event_seq));
    if (same[0].integer(0) == 1 || !WINDLASS_GUARD(sql_occupied_id)) return Status();
    return occupied_job(member.job);
}

Status SqliteStore::write(const ChangeArray& array) {
    const ArrayRow& row = array.row;
    return done(session_.execute(upsert_array, array.job.value, row.count, row.next_member, row.max_fails,
                                 row.succeeded, row.failed, row.timed_out, row.cancelled, row.lost));
}

Status SqliteStore::write(const StoreQueue& queue) {
    const QueueConfig& config = queue.config;
    return done(session_.execute(upsert_queue, storable(config.name), weight_column(config.weight), config.max_running,
                                 config.held, storable(config.description)));
}

Status SqliteStore::write(const KeyRecord& key) {
    return done(session_.execute(upsert_key, key.account.value, storable(key.route), storable(key.key), key.body_sha256,
                                 to_unix_us(key.created), key.jobs.empty() ? 0 : key.jobs.front().value,
                                 key.jobs.size(), ids_of_key(key)));
}

Status SqliteStore::write(const StateChange& change) {
    const StateRow& row = change.row;
    WINDLASS_TRY(const std::int64_t changed,
                 session_.execute(
                     WINDLASS_GUARDED_SQL(sql_fence, update_state, "(state = :from_state and attempt = :from_attempt)"),
                     static_cast<int>(row.state), row.attempt, row.failures, row.losses, worker_column(row.worker),
                     row.cancel_requested, time_column(row.started), time_column(row.finished), row.event_seq,
                     change.job.value, static_cast<int>(change.from_state), change.from_attempt));
    if (changed == 1) return Status();
    return stale_job(change.job);
}

Status SqliteStore::write(const RecordEvent& event) {
    return done(session_.execute(insert_event, event.job.value, event.seq, to_unix_us(event.at),
                                 static_cast<int>(event.move), static_cast<int>(event.state), event.attempt,
                                 worker_column(event.worker), storable(event.detail)));
}

Result<bool> SqliteStore::write(const ResultRecord& record) {
    const AttemptResult& result = record.result;
    const Usage& usage = result.usage;
    WINDLASS_TRY(const std::int64_t inserted,
                 session_.execute(
                     insert_result, record.attempt.job.value, record.attempt.attempt, worker_column(record.worker),
                     to_unix_us(record.ended), static_cast<int>(result.outcome.kind), result.outcome.exit_code,
                     result.outcome.signal, storable(result.outcome.detail), usage.wall.count(), usage.cpu_user.count(),
                     usage.cpu_system.count(), usage.peak_memory_bytes, usage.peak_memory_is_largest_process,
                     usage.read_bytes, usage.written_bytes, result.stdout_bytes, result.stderr_bytes,
                     result.stdout_truncated, result.stderr_truncated, files_json(result.files), result.files_truncated,
                     storable(result.value_json), usage.peak_processes));
    return inserted == 1;
}

Status SqliteStore::write(const OutputChunk& chunk) {
    return done(session_.execute(insert_output, chunk.attempt.job.value, chunk.attempt.attempt,
                                 static_cast<int>(chunk.stream), chunk.offset, Bytes{chunk.bytes}));
}

Status SqliteStore::load_jobs(std::vector<StoredJob>& jobs) {
    WINDLASS_TRY(Transaction transaction, Transaction::begin(session_));
    WINDLASS_TRY_STATUS(load_jobs(select_live_jobs, jobs));
    WINDLASS_TRY_STATUS(load_jobs(select_live_members, jobs));
    return transaction.commit();
}

// The driver itself: a row as a Row would be eighteen strings.
Status SqliteStore::load_jobs(std::string_view select, std::vector<StoredJob>& jobs) {
    sqlite_api::sqlite3* connection = database::native_sqlite(session_.soci());
    const Error unreadable =
        make_error(ErrorKind::unavailable, "the jobs in " + session_.url().shown() + " could not be read");
    sqlite_api::sqlite3_stmt* prepared = nullptr;
    if (sqlite_api::sqlite3_prepare_v2(connection, select.data(), static_cast<int>(select.size()), &prepared,
                                       nullptr) != SQLITE_OK)
        return unreadable;
    const std::unique_ptr<sqlite_api::sqlite3_stmt, decltype(&sqlite_api::sqlite3_finalize)> statement(
        prepared, &sqlite_api::sqlite3_finalize);
    const auto text = [&](int column) {
        const auto* bytes = reinterpret_cast<const char*>(sqlite_api::sqlite3_column_text(prepared, column));
        return std::string_view(bytes, static_cast<std::size_t>(sqlite_api::sqlite3_column_bytes(prepared, column)));
    };
    LiveColumns columns{};
    constexpr int numbers = std::tuple_size_v<LiveColumns>;
    int status = SQLITE_ROW;
    while ((status = sqlite_api::sqlite3_step(prepared)) == SQLITE_ROW) {
        for (int i = 0; i < numbers; ++i)
            columns[static_cast<std::size_t>(i)] = sqlite_api::sqlite3_column_type(prepared, i) == SQLITE_NULL
                                                       ? null_column
                                                       : sqlite_api::sqlite3_column_int64(prepared, i);
        WINDLASS_TRY(StoredJob job, live_job(columns, text(numbers), text(numbers + 1)));
        jobs.push_back(std::move(job));
    }
    return status == SQLITE_DONE ? Status() : Status(unreadable);
}

}  // namespace

std::unique_ptr<SqlStore> make_sqlite_store(const DatabaseUrl& url, LeadSettings lead) {
    return std::make_unique<SqliteStore>(url, std::move(lead));
}

}  // namespace windlass::scheduler
