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
        row.text("queue", spec.queue);
        if (job.rerun_of) row.integer("rerun_of", job.rerun_of.value);
        if (job.schedule != 0) row.integer("schedule", job.schedule);
        row.integer("planned_us", time_column(job.planned));
        row.state(job.row);
    });
}

JsonPieces json_of(const std::vector<MemberRecord>& members) {
    return pieces_of(members, [](RowWriter& row, const MemberRecord& member) {
        row.integer("id", member.job.value);
        row.integer("array_id", member.row.array.value);
        row.state(member.row);
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

JsonPieces json_of(const std::vector<ChangeArray>& rows) {
    return pieces_of(rows, [](RowWriter& row, const ChangeArray& array) {
        const ArrayRow& now = array.row;
        row.integer("id", array.job.value);
        row.integer("count", now.count);
        row.integer("next_member", now.next_member);
        row.integer("max_fails", now.max_fails);
        row.integer("succeeded", now.succeeded);
        row.integer("failed", now.failed);
        row.integer("timed_out", now.timed_out);
        row.integer("cancelled", now.cancelled);
        row.integer("lost", now.lost);
    });
}

JsonPieces json_of(const std::vector<ParamsRow>& rows) {
    return pieces_of(rows, [](RowWriter& row, const ParamsRow& params) {
        row.integer("array_id", params.array.value);
        row.integer("first", params.first);
        row.text("params", params.params);
    });
}

JsonPieces json_of(const std::vector<TagRow>& rows) {
    return pieces_of(rows, [](RowWriter& row, const TagRow& tag) {
        row.text("tag", tag.tag);
        row.integer("owner", tag.owner.value);
        row.integer("job", tag.job.value);
    });
}

JsonPieces json_of(const std::vector<DependencyRow>& rows) {
    return pieces_of(rows, [](RowWriter& row, const DependencyRow& dependency) {
        row.integer("job", dependency.job.value);
        row.integer("after_job", dependency.after.value);
        row.integer("condition", static_cast<std::int64_t>(dependency.condition));
    });
}

JsonPieces json_of(const std::vector<ScheduleRow>& rows) {
    return pieces_of(rows, [](RowWriter& row, const ScheduleRow& schedule) {
        row.integer("id", schedule.schedule);
        row.integer("planned_us", to_unix_us(schedule.planned));
        row.integer("job", schedule.job.value);
    });
}

JsonPieces json_of(const std::vector<BlobUse>& rows) {
    return pieces_of(rows, [](RowWriter& row, const BlobUse& use) {
        row.integer("owner", use.owner.value);
        row.text("sha256", use.sha256);
        row.integer("created_us", to_unix_us(use.since));
        row.integer("jobs", use.jobs);
    });
}

JsonPieces json_of(const std::vector<ResultBlob>& rows) {
    return pieces_of(rows, [](RowWriter& row, const ResultBlob& blob) {
        row.text("sha256", blob.sha256);
        row.integer("results", blob.results);
    });
}

JsonPieces json_of(const std::vector<StoreQueue>& rows) {
    return pieces_of(rows, [](RowWriter& row, const StoreQueue& queue) {
        row.text("name", queue.config.name);
        row.integer("weight_millis", weight_column(queue.config.weight));
        row.integer("max_running", queue.config.max_running);
        row.integer("held", queue.config.held ? 1 : 0);
        row.text("description", queue.config.description);
    });
}

JsonPieces json_of(const std::vector<DropQueue>& rows) {
    return pieces_of(rows, [](RowWriter& row, const DropQueue& queue) { row.text("name", queue.name); });
}

JsonPieces json_of(const std::vector<StoreDraining>& rows) {
    return pieces_of(rows, [](RowWriter& row, const StoreDraining& draining) {
        row.integer("id", draining.worker.value);
        row.integer("draining", draining.draining ? 1 : 0);
    });
}

JsonPieces json_of(const std::vector<AddUsage>& rows) {
    return pieces_of(rows, [](RowWriter& row, const AddUsage& usage) {
        row.integer("owner", usage.user.value);
        row.integer("day", usage.day);
        row.integer("cpu_us", usage.cpu.count());
    });
}

JsonPieces json_of(const std::vector<KeyRecord>& rows) {
    return pieces_of(rows, [](RowWriter& row, const KeyRecord& key) {
        row.integer("account", key.account.value);
        row.text("route", key.route);
        row.text("key", key.key);
        row.text("body_sha256", key.body_sha256);
        row.integer("created_us", to_unix_us(key.created));
        row.integer("first_job", key.jobs.empty() ? 0 : key.jobs.front().value);
        row.integer("job_count", static_cast<std::int64_t>(key.jobs.size()));
        if (const auto ids = ids_of_key(key)) row.text("answer", *ids);
    });
}

}  // namespace windlass::scheduler
