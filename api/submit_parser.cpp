#include "api/submit_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "api/field_reader.h"
#include "api/names.h"
#include "api/submit_fields.h"

namespace windlass::api {
namespace {

constexpr std::size_t most_command_bytes = 64 * 1024;
constexpr std::size_t most_env_bytes = 64 * 1024;
constexpr std::size_t most_name_characters = 200;
constexpr int most_attempts = 100;

// A whole-number limit: below `least` nothing runs (400), above `most` this site does not allow it (422).
template <class T>
void read_limit(FieldReader& fields, std::string_view key, std::int64_t least, std::int64_t most, T& limit) {
    const auto value = fields.integer(key, least, std::numeric_limits<std::int64_t>::max());
    if (!value) return;
    if (*value > most || *value > std::numeric_limits<T>::max())
        return fields.too_much(key, fmt::format("limits.{} is at most {} here", key, most));
    limit = static_cast<T>(*value);
}

void read_limits(const rapidjson::Value& object, const Config::Api& settings, Limits& limits, Faults& faults) {
    FieldReader fields(object, "/limits", faults);
    if (const auto cpus = fields.number("cpus")) {
        if (!(*cpus >= 0.001))
            fields.bad("cpus", "must be a number of at least 0.001");
        else if (*cpus * 1000 > static_cast<double>(settings.max_cpu_millis))
            fields.too_much("cpus", fmt::format("limits.cpus is at most {:g} here",
                                                static_cast<double>(settings.max_cpu_millis) / 1000));
        else
            limits.cpu_millis = static_cast<std::int32_t>(std::lround(*cpus * 1000));
    }
    read_limit(fields, "memory_bytes", 4 * mebibyte, settings.max_memory_bytes, limits.memory_bytes);
    read_limit(fields, "disk_bytes", 64 * kibibyte, settings.max_disk_bytes, limits.disk_bytes);
    read_limit(fields, "processes", 1, settings.max_processes, limits.processes);
    read_limit(fields, "output_bytes", 0, settings.max_output_bytes, limits.output_bytes);
    read_limit(fields, "open_files", 16, settings.max_open_files, limits.open_files);
    read_limit(fields, "file_bytes", 1, settings.max_disk_bytes, limits.file_bytes);
    // A file of a page: more of them never fit where this site gives the most room.
    read_limit(fields, "inodes", 1, settings.max_disk_bytes / 4096, limits.inodes);
    if (const auto seconds = fields.number("cpu_s")) {
        // All the processors for all the time that this site gives a job.
        const double most =
            static_cast<double>(settings.max_timeout_s) * static_cast<double>(settings.max_cpu_millis) / 1000;
        if (!(*seconds > 0))
            fields.bad("cpu_s", "must be more than 0");
        else if (*seconds > most)
            fields.too_much("cpu_s", fmt::format("limits.cpu_s is at most {:.15g} here", most));
        else
            limits.cpu_time = Milliseconds(static_cast<std::int64_t>(std::ceil(*seconds * 1000)));
    }
    fields.refuse_others();
}

void read_env(const rapidjson::Value& object, std::map<std::string, std::string>& env, Faults& faults) {
    std::size_t bytes = 0;
    for (const auto& member : object.GetObject()) {
        const auto name = text_of(member.name);
        const auto pointer = pointer_to("/env", name);
        if (const auto fault = fault_of_variable(name); !fault.empty()) {
            faults.bad(pointer, std::string(fault));
        } else if (!member.value.IsString()) {
            faults.bad(pointer, fmt::format("must be a string, not {}", type_name(member.value)));
        } else {
            const auto value = text_of(member.value);
            bytes += name.size() + value.size() + 2;  // as the kernel counts: "name=value" and the end of the string
            env.emplace(name, value);
        }
    }
    if (bytes > most_env_bytes)
        faults.bad("/env", fmt::format("is {} bytes in all; at most {} are possible", bytes, most_env_bytes));
}

void read_timeout(FieldReader& fields, const Config::Api& settings, Milliseconds& timeout) {
    const auto seconds = fields.number("timeout_s");
    if (!seconds) return;
    if (!(*seconds > 0)) return fields.bad("timeout_s", "must be more than 0");
    if (*seconds > static_cast<double>(settings.max_timeout_s))
        return fields.too_much("timeout_s", fmt::format("timeout_s is at most {} here", settings.max_timeout_s));
    timeout = Milliseconds(static_cast<std::int64_t>(std::ceil(*seconds * 1000)));
}

// Who may ask for it is decided where the asker is known: network_permission.h.
void read_network(FieldReader& fields, Network& network) {
    const auto word = fields.text("network");
    if (!word) return;
    if (*word == "full")
        network = Network::full;
    else if (*word == "none")
        network = Network::none;
    else
        fields.bad("network", "must be \"none\" or \"full\"");
}

void read_commands(FieldReader& fields, std::optional<std::string_view> commands, std::string& into) {
    if (!commands) return;
    if (commands->size() > most_command_bytes)
        fields.bad("running_commands", fmt::format("is {} bytes; at most {} are possible: put a script into code",
                                                   commands->size(), most_command_bytes));
    else
        into = *commands;
}

// Only an image has something else to run: its entry point. `given`: the field is there, so that it can be blamed.
void refuse_nothing_to_run(FieldReader& fields, bool given, const JobSpec& spec) {
    if (given && spec.running_commands.empty() && spec.image.empty())
        fields.bad("running_commands", "must not be empty: without an image there is nothing else to run");
}

// Everything but the three required strings; what is absent leaves the job as it is.
void read_optional_fields(FieldReader& fields, SubmittedJob& job, const Config::Api& settings, Faults& faults) {
    JobSpec& spec = job.spec;
    if (const auto name = fields.text("name")) {
        if (count_characters(*name) > most_name_characters)
            fields.bad("name", "must not be longer than 200 characters");
        else
            spec.name = *name;
    }
    if (const auto priority = fields.integer("priority", min_priority, max_priority))
        spec.priority = static_cast<std::int16_t>(*priority);
    if (const auto attempts = fields.integer("max_attempts", 1, most_attempts))
        spec.max_attempts = static_cast<std::int32_t>(*attempts);
    read_timeout(fields, settings, spec.timeout);
    if (const auto* limits = fields.object("limits")) read_limits(*limits, settings, spec.limits, faults);
    if (const auto* env = fields.object("env")) {
        spec.env.clear();
        read_env(*env, spec.env, faults);
    }
    read_network(fields, spec.network);
    read_queue_fields(fields, job, faults);
    read_file_fields(fields, job, faults);
    read_site_fields(fields, spec, faults);
}

}  // namespace

OrProblem<SubmittedJob> parse_submit(const rapidjson::Value& value, const Config::Api& settings) {
    if (!value.IsObject()) return bad_field("", fmt::format("A job is a JSON object, not {}.", type_name(value)));
    SubmittedJob job;
    Faults faults;
    FieldReader fields(value, "", faults);
    if (const auto code = fields.required_text("code")) job.code = *code;
    if (const auto data = fields.required_text("data")) job.data = *data;
    const auto commands = fields.required_text("running_commands");
    read_commands(fields, commands, job.spec.running_commands);
    read_optional_fields(fields, job, settings, faults);
    refuse_nothing_to_run(fields, commands && commands->empty(), job.spec);
    fields.refuse_others();
    if (faults.any()) return std::move(faults).problem();
    return job;
}

OrProblem<ParsedRerun> parse_rerun(const rapidjson::Value& value, SubmittedJob base, const Config::Api& settings) {
    if (!value.IsObject())
        return bad_field("", fmt::format("The changes are a JSON object, not {}.", type_name(value)));
    ParsedRerun rerun{std::move(base), {}};
    Faults faults;
    FieldReader fields(value, "", faults);
    if (const auto code = fields.text("code")) rerun.job.code = *code;
    if (const auto data = fields.text("data")) rerun.job.data = *data;
    read_commands(fields, fields.text("running_commands"), rerun.job.spec.running_commands);
    if (const auto only = fields.text("only")) {
        if (*only != "failed")
            fields.bad("only", "must be \"failed\"");
        else if (fields.any("array") != nullptr)
            fields.bad("only", "chooses members of the array as it was; it cannot stand beside a new array");
        else
            rerun.only = *only;
    }
    read_optional_fields(fields, rerun.job, settings, faults);
    refuse_nothing_to_run(fields, !faults.any(), rerun.job.spec);
    fields.refuse_others();
    if (faults.any()) return std::move(faults).problem();
    return rerun;
}

}  // namespace windlass::api
