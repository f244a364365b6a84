#include "scheduler/store_rows.h"

#include "scheduler/job_seed.h"
#include "scheduler/store_text.h"
#include "shared/protocol.h"

namespace windlass::scheduler {

Result<PayloadRow> payload_of(const Row& row, std::size_t first) {
    PayloadRow payload;
    JobSpec& spec = payload.spec;
    spec.name = row.text(first);
    spec.running_commands = row.text(first + 1);
    spec.priority = static_cast<std::int16_t>(row.integer(first + 2));
    spec.timeout = Milliseconds{row.integer(first + 3)};
    spec.max_attempts = static_cast<std::int32_t>(row.integer(first + 4));
    spec.limits.cpu_millis = static_cast<std::int32_t>(row.integer(first + 5));
    spec.limits.memory_bytes = row.integer(first + 6);
    spec.limits.disk_bytes = row.integer(first + 7);
    spec.limits.processes = static_cast<std::int32_t>(row.integer(first + 8));
    spec.limits.output_bytes = row.integer(first + 9);
    spec.limits.open_files = static_cast<std::int32_t>(row.integer(first + 10));
    WINDLASS_TRY(spec.env, environment_of(row.text(first + 11)));
    payload.code_sha256 = row.text_or_null(first + 12).value_or("");
    payload.data_sha256 = row.text_or_null(first + 13).value_or("");
    WINDLASS_TRY_STATUS(protocol::decode_details(row.text(first + 14), spec));
    spec.queue = row.text(first + 15);
    return payload;
}

ArrayRow array_row(const Row& row, std::size_t first) {
    return {.count = row.integer(first),
            .next_member = row.integer(first + 1),
            .max_fails = row.integer_or_null(first + 2),
            .succeeded = row.integer(first + 3),
            .failed = row.integer(first + 4),
            .timed_out = row.integer(first + 5),
            .cancelled = row.integer(first + 6),
            .lost = row.integer(first + 7)};
}

Result<StoredJob> live_job(const LiveColumns& columns, std::string_view queue, std::string_view details) {
    const auto time = [](std::int64_t us) {
        return us == null_column ? std::nullopt : std::optional(from_unix_us(us));
    };
    StoredJob job;
    job.job = JobId{columns[0]};
    job.seed.owner = UserId{columns[1]};
    job.seed.priority = static_cast<std::int16_t>(columns[2]);
    job.seed.max_attempts = static_cast<std::int32_t>(columns[3]);
    job.seed.need.cpu_millis = static_cast<std::int32_t>(columns[4]);
    job.seed.need.memory_bytes = columns[5];
    if (!queue.empty()) job.seed.queue = queue;
    if (!details.empty()) {
        JobSpec spec;
        WINDLASS_TRY_STATUS(protocol::decode_details(details, spec));
        add_details(spec, job.seed);
    }
    job.row.state = static_cast<JobState>(columns[6]);
    job.row.attempt = static_cast<AttemptNumber>(columns[7]);
    job.row.failures = static_cast<std::int16_t>(columns[8]);
    job.row.losses = static_cast<std::int16_t>(columns[9]);
    job.row.worker = WorkerId{columns[10] == null_column ? 0 : columns[10]};
    job.row.cancel_requested = columns[11] != 0;
    job.row.started = time(columns[12]);
    job.row.finished = time(columns[13]);
    job.row.event_seq = static_cast<std::int32_t>(columns[14]);
    job.row.array = JobId{columns[15] == null_column ? 0 : columns[15]};
    return job;
}

}  // namespace windlass::scheduler
