#include "api/submit_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "api/field_reader.h"
#include "api/names.h"

namespace windlass::api {
namespace {

constexpr std::size_t most_command_bytes = 64 * 1024;
constexpr std::size_t most_env_bytes = 64 * 1024;
constexpr std::size_t most_name_characters = 200;
constexpr int most_attempts = 100;

// Documented, and on the way. Taken and ignored they would be a lie.
constexpr std::array<std::string_view, 11> not_yet = {"queue",      "tags",     "retry_on", "files", "outputs", "after",
                                                      "not_before", "deadline", "requires", "image", "array"};

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

void refuse_what_is_not_there_yet(FieldReader& fields) {
    for (const auto key : not_yet)
        if (fields.any(key) != nullptr) fields.bad(key, "is not supported yet");
}

// Who may ask for it is decided where the asker is known: network_permission.h.
void read_network(FieldReader& fields, Network& network) {
    const auto word = fields.text("network");
    if (!word) return;
    if (*word == "full")
        network = Network::full;
    else if (*word != "none")
        fields.bad("network", "must be \"none\" or \"full\"");
}

}  // namespace

OrProblem<SubmittedJob> parse_submit(const rapidjson::Value& value, const Config::Api& settings) {
    if (!value.IsObject()) return bad_field("", fmt::format("A job is a JSON object, not {}.", type_name(value)));
    SubmittedJob job;
    JobSpec& spec = job.spec;
    Faults faults;
    FieldReader fields(value, "", faults);
    if (const auto code = fields.required_text("code")) job.code = *code;
    if (const auto data = fields.required_text("data")) job.data = *data;
    if (const auto commands = fields.required_text("running_commands")) {
        if (commands->empty())
            fields.bad("running_commands", "must not be empty");
        else if (commands->size() > most_command_bytes)
            fields.bad("running_commands", fmt::format("is {} bytes; at most {} are possible: put a script into code",
                                                       commands->size(), most_command_bytes));
        else
            spec.running_commands = *commands;
    }
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
    if (const auto* env = fields.object("env")) read_env(*env, spec.env, faults);
    read_network(fields, spec.network);
    refuse_what_is_not_there_yet(fields);
    fields.refuse_others();
    if (faults.any()) return std::move(faults).problem();
    return job;
}

namespace {

Problem too_many(const Config::Api& settings) {
    return make_problem(413, fmt::format("A batch has at most {} jobs here; send several.", settings.batch_jobs));
}

std::string_view trimmed(std::string_view line) {
    const auto first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

OrProblem<ParsedBatch> parse_lines(std::string_view body, const Config::Api& settings) {
    ParsedBatch batch;
    while (!body.empty()) {
        const auto end = std::min(body.find('\n'), body.size());
        const auto line = trimmed(body.substr(0, end));
        body.remove_prefix(std::min(end + 1, body.size()));
        if (line.empty()) continue;
        if (std::cmp_greater_equal(batch.items.size(), settings.batch_jobs)) return too_many(settings);
        auto document = parse_json(line);
        if (!document) {
            batch.items.emplace_back(bad_field("", "The line is not valid JSON: " + document.error().message));
            continue;
        }
        auto& item = batch.items.emplace_back(parse_submit(*document, settings));
        if (!item) continue;
        item->code = batch.texts.emplace_back(item->code);
        item->data = batch.texts.emplace_back(item->data);
    }
    return batch;
}

OrProblem<ParsedBatch> parse_array(std::string_view body, const Config::Api& settings) {
    auto document = parse_json(body);
    if (!document) return bad_field("", "The body is not valid JSON: " + document.error().message);
    if (!document->IsArray())
        return bad_field(
            "", fmt::format("A batch is a JSON array, or one JSON object per line; this is {}.", type_name(*document)));
    if (std::cmp_greater(document->Size(), settings.batch_jobs)) return too_many(settings);
    ParsedBatch batch;
    batch.items.reserve(document->Size());
    for (const auto& item : document->GetArray()) batch.items.push_back(parse_submit(item, settings));
    batch.array = std::move(document).value();
    return batch;
}

}  // namespace

OrProblem<ParsedBatch> parse_batch(std::string_view body, std::string_view content_type, const Config::Api& settings) {
    const auto first = body.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos)
        return bad_field("", "The body is empty; it must be a JSON array, or one JSON object per line.");
    const bool lines = body[first] == '{' || content_type.substr(0, content_type.find(';')) == "application/x-ndjson";
    return lines ? parse_lines(body, settings) : parse_array(body, settings);
}

}  // namespace windlass::api
