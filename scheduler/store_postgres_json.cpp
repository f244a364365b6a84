#include "scheduler/store_postgres_json.h"

#include "scheduler/store_rows.h"
#include "scheduler/store_text.h"
#include "shared/database/hex.h"
#include "shared/json.h"
#include "shared/protocol.h"

namespace windlass::scheduler {
namespace {

constexpr std::size_t longest_piece = 8 * mebibyte;

// One object of the array. The names are those of the record definitions in store_postgres.cpp.
class RowWriter {
  public:
    explicit RowWriter(JsonWriter& writer) : writer_(writer) { writer_.StartObject(); }
    ~RowWriter() { writer_.EndObject(); }
    RowWriter(const RowWriter&) = delete;
    RowWriter& operator=(const RowWriter&) = delete;

    void integer(std::string_view name, std::int64_t value) {
        put_key(writer_, name);
        writer_.Int64(value);
    }
    // A column that is not named is NULL.
    void integer(std::string_view name, const std::optional<std::int64_t>& value) {
        if (value) integer(name, *value);
    }
    void text(std::string_view name, std::string_view value) {
        put_key(writer_, name);
        put(writer_, storable(value));
    }
    void bytes(std::string_view name, std::string_view value) {
        std::string hex;
        database::append_hex(hex, value);
        put_key(writer_, name);
        put(writer_, hex);
    }
    void state(const StateRow& row) {
        integer("state", static_cast<std::int64_t>(row.state));
        integer("attempt", row.attempt);
        integer("failures", row.failures);
        integer("losses", row.losses);
        integer("worker", worker_column(row.worker));
        integer("cancel_requested", row.cancel_requested ? 1 : 0);
        integer("started_us", time_column(row.started));
        integer("finished_us", time_column(row.finished));
        integer("event_seq", row.event_seq);
    }

  private:
    JsonWriter& writer_;
};

template <class T, class WriteRow>
JsonPieces pieces_of(const std::vector<T>& rows, WriteRow&& write_row) {
    JsonPieces pieces;
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (buffer.GetSize() == 0) writer.StartArray();
        {
            RowWriter row(writer);
            write_row(row, rows[i]);
        }
        if (i + 1 < rows.size() && buffer.GetSize() < longest_piece) continue;
        writer.EndArray();
        pieces.emplace_back(text_of(buffer));
        buffer.Clear();
        writer.Reset(buffer);
    }
    return pieces;
}

}  // namespace

JsonPieces json_of(const std::vector<WorkerRecord>& workers) {
    return pieces_of(workers, [](RowWriter& row, const WorkerRecord& worker) {
        row.integer("id", worker.worker.value);
        row.text("name", worker.name);
        row.integer("first_seen_us", to_unix_us(worker.first_seen));
    });
}

JsonPieces json_of(const std::vector<Blob>& blobs) {
    return pieces_of(blobs, [](RowWriter& row, const Blob& blob) {
        row.text("sha256", blob.sha256);
        row.bytes("bytes", blob.bytes);
    });
}

JsonPieces json_of(const std::vector<JobRecord>& jobs) {
    return pieces_of(jobs, [](RowWriter& row, const JobRecord& job) {
        const JobSpec& spec = job.spec;
        row.integer("id", job.job.value);
        row.integer("owner", job.owner.value);
        row.text("name", spec.name);
        row.integer("priority", spec.priority);
        row.integer("submitted_us", to_unix_us(job.submitted));
        row.text("running_commands", spec.running_commands);
        if (!job.code_sha256.empty()) row.text("code_sha256", job.code_sha256);
        if (!job.data_sha256.empty()) row.text("data_sha256", job.data_sha256);
        row.integer("timeout_ms", spec.timeout.count());
        row.integer("max_attempts", spec.max_attempts);
        row.integer("cpu_millis", spec.limits.cpu_millis);
        row.integer("memory_bytes", spec.limits.memory_bytes);
        row.integer("disk_bytes", spec.limits.disk_bytes);
        row.integer("processes", spec.limits.processes);
        row.integer("output_bytes", spec.limits.output_bytes);
        row.integer("open_files", spec.limits.open_files);
        row.text("env", environment_json(spec.env));
        row.text("details", protocol::encode_details(spec));
        row.state(job.row);
    });
}

JsonPieces json_of(const std::vector<StateChange>& changes) {
    return pieces_of(changes, [](RowWriter& row, const StateChange& change) {
        row.integer("id", change.job.value);
        row.integer("from_state", static_cast<std::int64_t>(change.from_state));
        row.integer("from_attempt", change.from_attempt);
        row.state(change.row);
    });
}

JsonPieces json_of(const std::vector<RecordEvent>& events) {
    return pieces_of(events, [](RowWriter& row, const RecordEvent& event) {
        row.integer("job", event.job.value);
        row.integer("seq", event.seq);
        row.integer("at_us", to_unix_us(event.at));
        row.integer("move", static_cast<std::int64_t>(event.move));
        row.integer("state", static_cast<std::int64_t>(event.state));
        row.integer("attempt", event.attempt);
        row.integer("worker", worker_column(event.worker));
        row.text("detail", event.detail);
    });
}

JsonPieces json_of(const std::vector<ResultRecord>& results) {
    return pieces_of(results, [](RowWriter& row, const ResultRecord& record) {
        const AttemptResult& result = record.result;
        const Usage& usage = result.usage;
        row.integer("job", record.attempt.job.value);
        row.integer("attempt", record.attempt.attempt);
        row.integer("worker", worker_column(record.worker));
        row.integer("ended_us", to_unix_us(record.ended));
        row.integer("outcome", static_cast<std::int64_t>(result.outcome.kind));
        row.integer("exit_code", result.outcome.exit_code);
        row.integer("signal", result.outcome.signal);
        row.text("detail", result.outcome.detail);
        row.integer("wall_us", usage.wall.count());
        row.integer("cpu_user_us", usage.cpu_user.count());
        row.integer("cpu_system_us", usage.cpu_system.count());
        row.integer("peak_memory_bytes", usage.peak_memory_bytes);
        row.integer("peak_is_largest_process", usage.peak_memory_is_largest_process ? 1 : 0);
        row.integer("read_bytes", usage.read_bytes);
        row.integer("written_bytes", usage.written_bytes);
        row.integer("stdout_bytes", result.stdout_bytes);
        row.integer("stderr_bytes", result.stderr_bytes);
        row.integer("stdout_truncated", result.stdout_truncated ? 1 : 0);
        row.integer("stderr_truncated", result.stderr_truncated ? 1 : 0);
        row.text("files", files_json(result.files));
        row.integer("files_truncated", result.files_truncated ? 1 : 0);
        row.text("value", result.value_json);
        row.integer("peak_processes", usage.peak_processes);
    });
}

JsonPieces json_of(const std::vector<OutputChunk>& output) {
    return pieces_of(output, [](RowWriter& row, const OutputChunk& chunk) {
        row.integer("job", chunk.attempt.job.value);
        row.integer("attempt", chunk.attempt.attempt);
        row.integer("stream", static_cast<std::int64_t>(chunk.stream));
        row.integer("start_offset", chunk.offset);
        row.bytes("bytes", chunk.bytes);
    });
}

}  // namespace windlass::scheduler
