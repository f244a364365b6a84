// The store on one SQLite file. One writer, prepared statements, row by row: inside one transaction a row costs a few
// microseconds, and there is no round trip to save.
#include <fcntl.h>
#include <soci/soci.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>

#include "scheduler/store_rows.h"
#include "scheduler/store_sql.h"
#include "scheduler/store_text.h"
#include "shared/protocol.h"

namespace windlass::scheduler {
namespace {

constexpr std::string_view insert_worker =
    "insert into worker (id, name, first_seen_us) values (:id, :name, :first_seen) on conflict (id) do nothing";

constexpr std::string_view insert_blob =
    "insert into blob (sha256, size_bytes, bytes) values (:sha256, :size, :bytes) on conflict (sha256) do nothing";

constexpr std::string_view insert_job =
    "insert into job (id, owner, name, priority, submitted_us, running_commands, code_sha256, data_sha256, timeout_ms, "
    "max_attempts, cpu_millis, memory_bytes, disk_bytes, processes, output_bytes, open_files, env, details) values "
    "(:id, "
    ":owner, "
    ":name, :priority, :submitted, :running_commands, :code, :data, :timeout, :max_attempts, :cpu, :memory, :disk, "
    ":processes, :output, :open_files, :env, :details) on conflict (id) do nothing";

constexpr std::string_view insert_state =
    "insert into job_state (id, state, attempt, failures, losses, worker, cancel_requested, started_us, finished_us, "
    "event_seq) values (:id, :state, :attempt, :failures, :losses, :worker, :cancel, :started, :finished, :seq) "
    "on conflict (id) do nothing";

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

const std::string select_payload = "select " + std::string(payload_columns) + " from job j where j.id = :id";

constexpr std::string_view select_blob = "select bytes from blob where sha256 = :sha256";

class SqliteStore final : public SqlStore {
  public:
    explicit SqliteStore(const DatabaseUrl& url) : SqlStore(url, {.application_name = "windlass-scheduler"}) {}
    ~SqliteStore() override {
        if (lock_ >= 0) ::close(lock_);
    }
    SqliteStore(const SqliteStore&) = delete;
    SqliteStore& operator=(const SqliteStore&) = delete;

    Result<std::vector<JobPayload>> payloads(const std::vector<JobId>& jobs) override;

  protected:
    Status take_lock() override;
    bool holds_lock() override { return lock_ >= 0; }
    Status write(const Batch& batch) override;
    Status load_jobs(std::vector<StoredJob>& jobs) override;

  private:
    Status write(const WorkerRecord& worker);
    Status write(const Blob& blob);
    Status write(const JobRecord& job);
    Status write(const StateChange& change);
    Status write(const RecordEvent& event);
    Status write(const ResultRecord& record);
    Status write(const OutputChunk& chunk);
    Result<std::string> blob(const std::string& sha256);

    int lock_ = -1;  // open and locked as long as this store leads
};

// A lock file that dies with the process, whatever kills it (flock(2)).
Status SqliteStore::take_lock() {
    const std::string path = session_.url().path() + ".scheduler-lock";
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0660);
    if (file < 0) return errno_error("opening " + path, errno);
    if (::flock(file, LOCK_EX | LOCK_NB) == 0) {
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
    for (const Blob& blob : batch.blobs) WINDLASS_TRY_STATUS(write(blob));
    for (const JobRecord& job : batch.jobs) WINDLASS_TRY_STATUS(write(job));
    for (const StateChange& change : batch.changes) WINDLASS_TRY_STATUS(write(change));
    for (const RecordEvent& event : batch.events) WINDLASS_TRY_STATUS(write(event));
    for (const ResultRecord& result : batch.results) WINDLASS_TRY_STATUS(write(result));
    for (const OutputChunk& chunk : batch.output) WINDLASS_TRY_STATUS(write(chunk));
    return Status();
}

Status SqliteStore::write(const WorkerRecord& worker) {
    return done(
        session_.execute(insert_worker, worker.worker.value, storable(worker.name), to_unix_us(worker.first_seen)));
}

Status SqliteStore::write(const Blob& blob) {
    return done(session_.execute(insert_blob, blob.sha256, blob.bytes.size(), Bytes{blob.bytes}));
}

Status SqliteStore::write(const JobRecord& job) {
    const JobSpec& spec = job.spec;
    const Limits& limits = spec.limits;
    const StateRow& row = job.row;
    WINDLASS_TRY(
        const std::int64_t jobs,
        session_.execute(insert_job, job.job.value, job.owner.value, storable(spec.name), spec.priority,
                         to_unix_us(job.submitted), storable(spec.running_commands), hash_column(job.code_sha256),
                         hash_column(job.data_sha256), spec.timeout.count(), spec.max_attempts, limits.cpu_millis,
                         limits.memory_bytes, limits.disk_bytes, limits.processes, limits.output_bytes,
                         limits.open_files, environment_json(spec.env), storable(protocol::encode_details(spec))));
    WINDLASS_TRY(const std::int64_t states,
                 session_.execute(insert_state, job.job.value, static_cast<int>(row.state), row.attempt, row.failures,
                                  row.losses, worker_column(row.worker), row.cancel_requested, time_column(row.started),
                                  time_column(row.finished), row.event_seq));
    if (jobs == 1 && states == 1) return Status();
    WINDLASS_TRY(const auto same, session_.query(same_job, job.job.value, job.owner.value, to_unix_us(job.submitted),
                                                 static_cast<int>(row.state), row.attempt, row.event_seq));
    if (same[0].integer(0) == 1) return Status();
    return occupied_job(job.job);
}

Status SqliteStore::write(const StateChange& change) {
    const StateRow& row = change.row;
    WINDLASS_TRY(const std::int64_t changed,
                 session_.execute(update_state, static_cast<int>(row.state), row.attempt, row.failures, row.losses,
                                  worker_column(row.worker), row.cancel_requested, time_column(row.started),
                                  time_column(row.finished), row.event_seq, change.job.value,
                                  static_cast<int>(change.from_state), change.from_attempt));
    if (changed == 1) return Status();
    return stale_job(change.job);
}

Status SqliteStore::write(const RecordEvent& event) {
    return done(session_.execute(insert_event, event.job.value, event.seq, to_unix_us(event.at),
                                 static_cast<int>(event.move), static_cast<int>(event.state), event.attempt,
                                 worker_column(event.worker), storable(event.detail)));
}

Status SqliteStore::write(const ResultRecord& record) {
    const AttemptResult& result = record.result;
    const Usage& usage = result.usage;
    return done(session_.execute(
        insert_result, record.attempt.job.value, record.attempt.attempt, worker_column(record.worker),
        to_unix_us(record.ended), static_cast<int>(result.outcome.kind), result.outcome.exit_code,
        result.outcome.signal, storable(result.outcome.detail), usage.wall.count(), usage.cpu_user.count(),
        usage.cpu_system.count(), usage.peak_memory_bytes, usage.peak_memory_is_largest_process, usage.read_bytes,
        usage.written_bytes, result.stdout_bytes, result.stderr_bytes, result.stdout_truncated, result.stderr_truncated,
        files_json(result.files), result.files_truncated, storable(result.value_json), usage.peak_processes));
}

Status SqliteStore::write(const OutputChunk& chunk) {
    return done(session_.execute(insert_output, chunk.attempt.job.value, chunk.attempt.attempt,
                                 static_cast<int>(chunk.stream), chunk.offset, Bytes{chunk.bytes}));
}

Result<std::string> SqliteStore::blob(const std::string& sha256) {
    if (sha256.empty()) return std::string();
    WINDLASS_TRY(const auto rows, session_.query(select_blob, sha256));
    if (rows.empty()) return make_error(ErrorKind::internal, "the bytes " + sha256 + " are not in the store");
    return rows[0].bytes(0);
}

Result<std::vector<JobPayload>> SqliteStore::payloads(const std::vector<JobId>& jobs) {
    std::vector<JobPayload> payloads;
    payloads.reserve(jobs.size());
    for (const JobId id : jobs) {
        WINDLASS_TRY(const auto rows, session_.query(select_payload, id.value));
        if (rows.empty()) return make_error(ErrorKind::internal, "job " + id.text() + " is not in the store");
        WINDLASS_TRY(StoredPayload stored, payload_of(rows[0], 0));
        WINDLASS_TRY(std::string code, blob(stored.code_sha256));
        WINDLASS_TRY(std::string data, blob(stored.data_sha256));
        payloads.push_back({std::move(stored.spec), std::move(code), std::move(data)});
    }
    return payloads;
}

// SOCI with one buffer per column: a row as a Row would be fifteen strings. Into long long, which keeps all 64 bits.
Status SqliteStore::load_jobs(std::vector<StoredJob>& jobs) {
    WINDLASS_TRY_STATUS(session_.open());
    try {
        std::array<long long, std::tuple_size_v<LiveColumns>> values{};
        std::array<soci::indicator, std::tuple_size_v<LiveColumns>> indicators{};
        soci::statement statement(session_.soci());
        statement.alloc();
        statement.prepare(std::string(select_live_jobs));
        for (std::size_t i = 0; i < values.size(); ++i) statement.exchange(soci::into(values[i], indicators[i]));
        statement.define_and_bind();
        LiveColumns columns{};
        for (bool more = statement.execute(true); more; more = statement.fetch()) {
            for (std::size_t i = 0; i < columns.size(); ++i) {
                columns[i] = indicators[i] == soci::i_null ? null_column : values[i];
            }
            jobs.push_back(live_job(columns));
        }
        return Status();
    } catch (const soci::soci_error&) {  // its text may hold values
        session_.disconnect();
        return make_error(ErrorKind::unavailable, "the jobs in " + session_.url().shown() + " could not be read");
    }
}

}  // namespace

std::unique_ptr<SqlStore> make_sqlite_store(const DatabaseUrl& url) {
    return std::make_unique<SqliteStore>(url);
}

}  // namespace windlass::scheduler
