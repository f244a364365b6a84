// The names on the wire of what jobs are made of: spec, limits, result. describe(v, m) hands the visitor `v` each field
// of `m` with its name; visitors.h has the two visitors, one that writes and one that reads.
#pragma once

#include "shared/protocol.h"

namespace windlass::protocol {

template <class V>
void describe(V& v, Limits& m) {
    v("cpu_millis", m.cpu_millis);
    v("memory_bytes", m.memory_bytes);
    v("disk_bytes", m.disk_bytes);
    v("processes", m.processes);
    v("output_bytes", m.output_bytes);
    v("open_files", m.open_files);
    v.unless_default("cpu_time_ms", m.cpu_time);
    v.unless_default("file_bytes", m.file_bytes);
    v.unless_default("inodes", m.inodes);
}

template <class V>
void describe(V& v, RetryOn& m) {
    v("exit_codes", m.exit_codes);
    v("signals", m.signals);
    v("timeout", m.timeout);
}

template <class V>
void describe(V& v, ServicePort& m) {
    v("port", m.port);
    v("check_path", m.check_path);
    v("idle_ms", m.idle);
}

// The parts of a spec without a column of their own.
template <class V>
void describe_details(V& v, JobSpec& m) {
    v.unless_default("tags", m.tags);
    v.unless_default("network", m.network);
    v.unless_default("retry_on", m.retry_on);
    v.unless_default("retry_delay_ms", m.retry_delay);
    v.unless_default("files", m.files);
    v.unless_default("outputs", m.outputs);
    v.unless_default("not_before_us", m.not_before);
    v.unless_default("deadline_us", m.deadline);
    v.unless_default("requires", m.required_labels);
    v.unless_default("resources", m.resources);
    v.unless_default("image", m.image);
    v.unless_default("datasets", m.datasets);
    v.unless_default("service", m.service);
    v.unless_default("traceparent", m.traceparent);
}

template <class V>
void describe(V& v, JobSpec& m) {
    v("name", m.name);
    v("running_commands", m.running_commands);
    v("priority", m.priority);
    v("timeout_ms", m.timeout);
    v("max_attempts", m.max_attempts);
    v("limits", m.limits);
    v("env", m.env);
    v.unless("queue", m.queue, default_queue);
    describe_details(v, m);
}

template <class V>
void describe(V& v, Outcome& m) {
    v("kind", m.kind);
    v("exit_code", m.exit_code);
    v("signal", m.signal);
    v("detail", m.detail);
}

template <class V>
void describe(V& v, Usage& m) {
    v("wall_us", m.wall);
    v("cpu_user_us", m.cpu_user);
    v("cpu_system_us", m.cpu_system);
    v("peak_memory_bytes", m.peak_memory_bytes);
    v("peak_memory_is_largest_process", m.peak_memory_is_largest_process);
    v("read_bytes", m.read_bytes);
    v("written_bytes", m.written_bytes);
    v("peak_processes", m.peak_processes);
}

template <class V>
void describe(V& v, ResultFile& m) {
    v("path", m.path);
    v("size_bytes", m.size_bytes);
    v("sha256", m.sha256);
    v("stored", m.stored);
}

template <class V>
void describe(V& v, AttemptResult& m) {
    v("outcome", m.outcome);
    v("usage", m.usage);
    v("stdout_bytes", m.stdout_bytes);
    v("stderr_bytes", m.stderr_bytes);
    v("stdout_truncated", m.stdout_truncated);
    v("stderr_truncated", m.stderr_truncated);
    v("files", m.files);
    v("files_truncated", m.files_truncated);
    v("value_json", m.value_json);
}

template <class V>
void describe(V& v, Quota& m) {
    v.unless_default("queued", m.queued);
    v.unless_default("running", m.running);
    v.unless_default("cpu_us_per_day", m.cpu_per_day);
    v.unless_default("stored_bytes", m.stored_bytes);
}

template <class V>
void describe(V& v, SubmitDependency& m) {
    v("job", m.job);
    v("index", m.index);
    v("condition", m.condition);
}

template <class V>
void describe(V& v, SubmitItem& m) {
    v("spec", m.spec);
    v("code_size", m.code_size);
    v("data_size", m.data_size);
    v.unless_default("after", m.after);
    v.unless_default("array_count", m.array_count);
    v.unless_default("max_fails", m.max_fails);
    v.unless_default("params", m.params);
    v.unless_default("rerun_of", m.rerun_of);
}

// Fields, and nothing of the frame around them.
struct Details {
    JobSpec& spec;
};
template <class V>
void describe(V& v, Details& m) {
    describe_details(v, m.spec);
    v.unless_default("cpu_time_ms", m.spec.limits.cpu_time);
    v.unless_default("file_bytes", m.spec.limits.file_bytes);
    v.unless_default("inodes", m.spec.limits.inodes);
}

}  // namespace windlass::protocol
