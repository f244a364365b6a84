#include "api/render_job.h"

#include <fmt/format.h>

#include <type_traits>

#include "api/json_fields.h"

namespace windlass::api {
namespace {

// A number of seconds with all six places: a double would print 0.1 + 0.2 as it likes.
void seconds(JsonWriter& json, const char* key, Microseconds value) {
    const std::string digits = fmt::format("{}.{:06}", value.count() / 1'000'000, value.count() % 1'000'000);
    json.Key(key);
    json.RawValue(digits.data(), digits.size(), rapidjson::kNumberType);
}
void optional_text(JsonWriter& json, const char* key, const std::string& value) {
    if (!value.empty()) put_any_bytes(json, key, value);
}
void true_flag(JsonWriter& json, const char* key, bool value) {
    if (value) put_flag(json, key, true);
}

void write_limits(JsonWriter& json, const Limits& limits) {
    json.StartObject();
    put_thousandths(json, "cpus", limits.cpu_millis);
    put_number(json, "memory_bytes", limits.memory_bytes);
    put_number(json, "disk_bytes", limits.disk_bytes);
    put_number(json, "processes", limits.processes);
    put_number(json, "output_bytes", limits.output_bytes);
    put_number(json, "open_files", limits.open_files);
    if (limits.cpu_time.count() > 0) put_thousandths(json, "cpu_s", limits.cpu_time.count());
    if (limits.file_bytes > 0) put_number(json, "file_bytes", limits.file_bytes);
    if (limits.inodes > 0) put_number(json, "inodes", limits.inodes);
    json.EndObject();
}

void write_ending(JsonWriter& json, OutcomeKind outcome, std::int32_t exit_code, std::int32_t signal) {
    if (outcome == OutcomeKind::exited) put_number(json, "exit_code", exit_code);
    if (outcome == OutcomeKind::signalled || signal != 0) put_number(json, "signal", signal);
    put_text(json, "outcome", name(outcome));
}

void write_usage(JsonWriter& json, const Usage& usage) {
    json.Key("usage");
    json.StartObject();
    seconds(json, "wall_s", usage.wall);
    seconds(json, "cpu_s", usage.cpu_user + usage.cpu_system);
    seconds(json, "cpu_user_s", usage.cpu_user);
    seconds(json, "cpu_system_s", usage.cpu_system);
    put_number(json, "peak_memory_bytes", usage.peak_memory_bytes);
    true_flag(json, "peak_memory_is_largest_process", usage.peak_memory_is_largest_process);
    put_number(json, "read_bytes", usage.read_bytes);
    put_number(json, "written_bytes", usage.written_bytes);
    if (usage.peak_processes > 0) put_number(json, "peak_processes", usage.peak_processes);
    json.EndObject();
}

void write_files(JsonWriter& json, const AttemptResult& result) {
    json.Key("files");
    json.StartArray();
    for (const auto& file : result.files) {
        json.StartObject();
        put_any_bytes(json, "path", file.path);
        put_number(json, "size", file.size_bytes);
        put_text(json, "sha256", file.sha256);
        if (!file.stored) put_flag(json, "stored", false);
        json.EndObject();
    }
    json.EndArray();
}

void write_results(JsonWriter& json, const AttemptResult& result, const JobOutput& output) {
    write_ending(json, result.outcome.kind, result.outcome.exit_code, result.outcome.signal);
    put_any_bytes(json, "stdout", output.standard_output);
    put_any_bytes(json, "stderr", output.standard_error);
    true_flag(json, "stdout_truncated", result.stdout_truncated);
    true_flag(json, "stderr_truncated", result.stderr_truncated);
    write_usage(json, result.usage);
    write_files(json, result);
    true_flag(json, "files_truncated", result.files_truncated);
    if (!result.value_json.empty()) put_object(json, "value", result.value_json);
    optional_text(json, "detail", result.outcome.detail);
}

template <class T>
void list(JsonWriter& json, const char* key, const std::vector<T>& values) {
    json.Key(key);
    json.StartArray();
    for (const auto& value : values) {
        if constexpr (std::is_integral_v<T>)
            json.Int64(value);
        else
            put(json, value);
    }
    json.EndArray();
}
template <class T>
void optional_map(JsonWriter& json, const char* key, const std::map<std::string, T>& values) {
    if (values.empty()) return;
    json.Key(key);
    json.StartObject();
    for (const auto& [name, value] : values) {
        put_key(json, name);
        if constexpr (std::is_integral_v<T>)
            json.Int64(value);
        else
            put(json, value);
    }
    json.EndObject();
}

// Where it may run, and when it is tried again. What most jobs leave alone is shown only if it is set.
void write_placement(JsonWriter& json, const JobSpec& spec, const Relations& relations) {
    put_text(json, "queue", relations.queue.empty() ? std::string_view(spec.queue) : std::string_view(relations.queue));
    list(json, "tags", spec.tags);
    put_text(json, "network", spec.network == Network::full ? "full" : "none");
    if (spec.retry_on) {
        json.Key("retry_on");
        json.StartObject();
        list(json, "exit_codes", spec.retry_on->exit_codes);
        list(json, "signals", spec.retry_on->signals);
        put_flag(json, "timeout", spec.retry_on->timeout);
        json.EndObject();
    }
    if (spec.retry_delay.count() > 0) seconds(json, "retry_delay_s", spec.retry_delay);
    optional_map(json, "requires", spec.required_labels);
    optional_map(json, "resources", spec.resources);
    optional_text(json, "image", spec.image);
    if (!spec.datasets.empty()) list(json, "datasets", spec.datasets);
}

void write_files_and_times(JsonWriter& json, const JobSpec& spec) {
    optional_map(json, "files", spec.files);
    if (!spec.outputs.empty()) list(json, "outputs", spec.outputs);
    if (spec.not_before) put_text(json, "not_before", time_text(*spec.not_before));
    if (spec.deadline) put_text(json, "deadline", time_text(*spec.deadline));
}

std::string_view word(DependencyCondition condition) {
    switch (condition) {
        case DependencyCondition::ok:
            return "ok";
        case DependencyCondition::any:
            return "any";
        case DependencyCondition::failed:
            break;
    }
    return "failed";
}

// How many members ended how.
template <class Array>
void write_ended(JsonWriter& json, const Array& array) {
    put_number(json, "succeeded", array.succeeded);
    put_number(json, "failed", array.failed);
    put_number(json, "timed_out", array.timed_out);
    put_number(json, "cancelled", array.cancelled);
    put_number(json, "lost", array.lost);
}

void write_array(JsonWriter& json, const ArrayView& array) {
    json.Key("array");
    json.StartObject();
    put_number(json, "count", array.count);
    if (array.max_fails) put_number(json, "max_fails", *array.max_fails);
    put_number(json, array.state == JobState::blocked ? "blocked" : "queued",
               array.count - array.ended() - array.running);
    put_number(json, "running", array.running);
    write_ended(json, array);
    json.EndObject();
}

void write_relations(JsonWriter& json, JobId job, const Relations& relations) {
    if (!relations.after.empty()) {
        json.Key("after");
        json.StartArray();
        for (const auto& [on, condition] : relations.after) {
            json.StartObject();
            put_text(json, "job", on.text());
            put_text(json, "when", word(condition));
            json.EndObject();
        }
        json.EndArray();
    }
    if (relations.array) write_array(json, *relations.array);
    if (relations.within) {
        put_text(json, "array_id", relations.within->id.text());
        put_number(json, "array_index", relations.within->number_of(job));
    }
    if (relations.rerun_of) put_text(json, "rerun_of", relations.rerun_of.text());
}

// What an array leaves: how many of its members ended how. Each of them has a result of its own.
void write_counts(JsonWriter& json, const ArrayProgress& array) {
    json.Key("array");
    json.StartObject();
    put_number(json, "count", array.count);
    write_ended(json, array);
    json.EndObject();
}

// Of a job that ended without an attempt of which anything is known.
OutcomeKind outcome_without_ending(JobState state) {
    if (state == JobState::cancelled) return OutcomeKind::cancelled;
    if (state == JobState::timed_out) return OutcomeKind::out_of_time;  // its deadline passed while it waited
    return OutcomeKind::worker_lost;
}

}  // namespace

std::string seconds_text(Microseconds duration) {
    const std::int64_t ms = std::max<std::int64_t>(0, duration.count() / 1000);
    return fmt::format("{}.{:03}", ms / 1000, ms % 1000);
}

std::optional<Ending> ending_that_counts(const JobLine& job) {
    if (!is_final(job.state) || !job.ending) return std::nullopt;
    if (job.state == JobState::cancelled && job.ending->outcome != OutcomeKind::cancelled) return std::nullopt;
    return job.ending;
}

std::string duration_text(const JobLine& job, WallTime now) {
    if (job.state == JobState::running) return job.started ? seconds_text(now - *job.started) : "";
    if (!is_final(job.state)) return "";
    const auto ending = ending_that_counts(job);
    if (ending && ending->wall.count() > 0) return seconds_text(ending->wall);
    if (ending && ending->outcome == OutcomeKind::exited) return seconds_text(ending->wall);
    // No measurement came back (the worker was lost, or it was cancelled before anything ran).
    if (job.state != JobState::cancelled && job.started && job.finished)
        return seconds_text(*job.finished - *job.started);
    return "";
}

void put_standing(JsonWriter& json, JobId job, JobState state) {
    put_text(json, "id", job.text());
    put_text(json, "status", name(state));
}

void write_job_line(JsonWriter& json, const JobLine& job, WallTime now) {
    json.StartObject();
    put_text(json, "id", job.id.text());
    put_text(json, "duration", duration_text(job, now));
    put_text(json, "status", name(job.state));
    json.EndObject();
}

void write_detailed_line(JsonWriter& json, const JobLine& job, const std::vector<std::string>& tags, WallTime now) {
    json.StartObject();
    put_text(json, "id", job.id.text());
    put_text(json, "duration", duration_text(job, now));
    put_text(json, "status", name(job.state));
    put_any_bytes(json, "name", job.name);
    put_text(json, "owner", job.owner.text());
    put_any_bytes(json, "owner_name", job.owner_name);
    put_any_bytes(json, "queue", job.queue);
    list(json, "tags", tags);
    put_text(json, "submitted", time_text(job.submitted));
    put_time_or_null(json, "started", job.started);
    put_time_or_null(json, "finished", job.finished);
    if (const auto ending = ending_that_counts(job))
        write_ending(json, ending->outcome, ending->exit_code, ending->signal);
    if (job.array) write_counts(json, *job.array);
    json.EndObject();
}

void write_job(JsonWriter& json, const JobView& job, const Relations& relations, WallTime now) {
    json.StartObject();
    put_text(json, "id", job.line.id.text());
    put_text(json, "duration", duration_text(job.line, now));
    put_text(json, "status", name(relations.array ? relations.array->shown_state() : job.line.state));
    put_any_bytes(json, "name", job.line.name);
    put_text(json, "owner", job.owner.text());
    put_number(json, "priority", job.spec.priority);
    put_text(json, "submitted", time_text(job.submitted));
    put_time_or_null(json, "started", job.line.started);
    put_time_or_null(json, "finished", job.line.finished);
    put_number(json, "attempt", job.attempt);
    put_number(json, "attempts_failed", job.failures);
    put_number(json, "attempts_lost", job.losses);
    put_number(json, "max_attempts", job.spec.max_attempts);
    if (const auto ending = ending_that_counts(job.line))
        write_ending(json, ending->outcome, ending->exit_code, ending->signal);
    true_flag(json, "cancel_requested", job.cancel_requested);
    put_thousandths(json, "timeout_s", job.spec.timeout.count());
    json.Key("limits");
    write_limits(json, job.spec.limits);
    put_any_bytes(json, "running_commands", job.spec.running_commands);
    put_object(json, "env", job.env_json.empty() ? "{}" : std::string_view(job.env_json));
    write_placement(json, job.spec, relations);
    write_files_and_times(json, job.spec);
    write_relations(json, job.line.id, relations);
    json.EndObject();
}

void write_member(JsonWriter& json, const ArrayView& array, const MemberView& member, WallTime now) {
    json.StartObject();
    put_text(json, "id", member.line.id.text());
    put_number(json, "index", array.number_of(member.line.id));
    put_text(json, "duration", duration_text(member.line, now));
    put_text(json, "status", name(member.line.state));
    json.EndObject();
}

void write_result(JsonWriter& json, const JobOutcome& job, const JobOutput& output, WallTime now) {
    json.StartObject();
    put_text(json, "id", job.line.id.text());
    put_text(json, "duration", duration_text(job.line, now));
    json.Key("results");
    json.StartObject();
    if (is_final(job.line.state)) {
        if (ending_that_counts(job.line))
            write_results(json, job.stored->result, output);
        else if (job.line.array)
            write_counts(json, *job.line.array);
        else
            put_text(json, "outcome", name(outcome_without_ending(job.line.state)));
    }
    json.EndObject();
    json.EndObject();
}

void write_attempt(JsonWriter& json, const StoredResult& attempt) {
    json.StartObject();
    put_number(json, "attempt", attempt.attempt);
    const Outcome& outcome = attempt.result.outcome;
    write_ending(json, outcome.kind, outcome.exit_code, outcome.signal);
    optional_text(json, "detail", outcome.detail);
    optional_text(json, "worker", attempt.worker);
    put_text(json, "ended", time_text(attempt.ended));
    write_usage(json, attempt.result.usage);
    json.EndObject();
}

void write_event(JsonWriter& json, const JobEvent& event) {
    json.StartObject();
    put_number(json, "seq", event.seq);
    put_text(json, "at", time_text(event.at));
    put_text(json, "event", name(event.move));
    put_text(json, "status", name(event.state));
    put_number(json, "attempt", event.attempt);
    optional_text(json, "worker", event.worker);
    // Of a service that is ready: where the api finds it, which is nothing for strangers.
    if (event.move != JobMove::ready) optional_text(json, "detail", event.detail);
    json.EndObject();
}

}  // namespace windlass::api
