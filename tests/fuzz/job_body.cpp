// A body from a client, as everything that is submitted: a job, changes of one, a batch, a recurring job; and the
// reader of fields (api/field_reader.h) by which all other bodies are read too (those with a parser of their own:
// request_bodies.cpp).
//
// Promises: what is accepted keeps to the limits of the site and survives the wire; paths of files stay below the
// working directory; every refusal is a 4xx whose problem+json is JSON, with a pointer for each fault.
#include <algorithm>

#include "api/batch_dependencies.h"
#include "api/batch_parser.h"
#include "api/field_reader.h"
#include "api/network_permission.h"
#include "api/schedule_fields.h"
#include "api/submit_fields.h"
#include "api/submit_parser.h"
#include "shared/protocol.h"
#include "tests/fuzz/refusal.h"

namespace windlass::fuzz {
namespace {

const Config::Api& settings() {
    static const Config::Api site = [] {
        Config::Api s;
        s.batch_jobs = 8;
        return s;
    }();
    return site;
}

bool below_the_directory(std::string_view path) {
    if (path.empty() || path.front() == '/' || path.find('\0') != std::string_view::npos) return false;
    const std::string whole = "/" + std::string(path) + "/";
    return whole.find("/../") == std::string::npos && whole.find("/./") == std::string::npos &&
           whole.find("//") == std::string::npos;
}

void require_within_limits(const JobSpec& spec) {
    const auto& site = settings();
    require(!spec.running_commands.empty() && spec.running_commands.size() <= 64 * 1024, "commands are there");
    require(spec.limits.cpu_millis >= 1 && spec.limits.cpu_millis <= site.max_cpu_millis, "cpus within the limits");
    require(spec.limits.memory_bytes > 0 && spec.limits.memory_bytes <= site.max_memory_bytes,
            "memory within the limits");
    require(spec.limits.disk_bytes > 0 && spec.limits.disk_bytes <= site.max_disk_bytes, "disk within the limits");
    require(spec.limits.processes >= 1 && spec.limits.processes <= site.max_processes, "processes within the limits");
    require(spec.limits.output_bytes >= 0 && spec.limits.output_bytes <= site.max_output_bytes,
            "output within the limits");
    require(spec.timeout > Milliseconds{0} && spec.timeout <= Seconds{site.max_timeout_s},
            "a timeout within the limits");
    require(spec.priority >= min_priority && spec.priority <= max_priority, "a priority within its range");
    require(spec.max_attempts >= 1, "at least one attempt");
    for (const auto& [path, hash] : spec.files)
        require(below_the_directory(path) && path != "code" && path != "data" && api::is_sha256(hash),
                "a file lies in the working directory", path);
    for (const auto& pattern : spec.outputs)
        require(
            below_the_directory(std::string_view(pattern).substr(0, pattern.size() - (pattern.ends_with('/') ? 1 : 0))),
            "a pattern lies in the working directory", pattern);
    if (spec.not_before && spec.deadline)
        require(*spec.not_before < *spec.deadline, "a deadline comes after the moment before which nothing runs");
}

void require_good(const api::SubmittedJob& job) {
    require_within_limits(job.spec);
    require(job.array.count >= 0 && job.array.count <= api::most_array_members, "an array has its bounds");
    require(job.array.params.empty() || std::cmp_equal(job.array.params.size(), job.array.count),
            "one set of parameters per member");
    for (const auto& brought : job.inline_files)
        require(std::any_of(job.spec.files.begin(), job.spec.files.end(),
                            [&](const auto& file) { return file.second == brought.first; }),
                "bytes that came along belong to a file");
    protocol::SubmitItem item;
    item.spec = job.spec;
    const auto again = protocol::decode_item(protocol::encode_item(item));
    require(again.ok() && again->spec == job.spec, "what is accepted survives the wire",
            again ? "" : again.error().message);
}

void try_batch(std::string_view body, std::string_view content_type) {
    auto batch = api::parse_batch(body, content_type, settings());
    if (!batch) return require_fit_for_a_client(batch.error());
    require(std::cmp_less_equal(batch->items.size(), settings().batch_jobs), "a batch keeps to its size");
    const auto indexes = api::resolve_names(batch->items);
    require(indexes.size() == batch->items.size(), "one list of indexes per item");
    for (std::size_t i = 0; i < batch->items.size(); ++i) {
        const auto& item = batch->items[i];
        if (!item) {
            require_fit_for_a_client(item.error());
            continue;
        }
        require_good(item.value());
        require(indexes[i].size() == item.value().after.size(), "one index per dependency");
        for (std::size_t k = 0; k < indexes[i].size(); ++k) {
            const auto& on = indexes[i][k];
            require(on.has_value() == !item.value().after[k].job, "a name has an index, an id has none");
            require(!on || (*on < batch->items.size() && *on != i && batch->items[*on].ok()),
                    "what an item waits for is another item that will be");
        }
    }
}

// Every kind of field there is, by names that the corpus uses.
void try_fields(const rapidjson::Document& document) {
    api::Faults faults;
    api::FieldReader fields(document, "", faults);
    (void)fields.required_text("name");
    if (const auto priority = fields.integer("priority", -100, 100))
        require(*priority >= -100 && *priority <= 100, "a number within what was asked for");
    (void)fields.number("timeout_s");
    if (const auto* limits = fields.object("limits")) require(limits->IsObject(), "an object is one");
    fields.refuse_others();
    if (faults.any()) require_fit_for_a_client(std::move(faults).problem());
}

void try_schedule(const rapidjson::Document& document) {
    auto change = api::parse_schedule(document, {}, true);
    if (!change) return require_fit_for_a_client(change.error());
    const auto& schedule = change->schedule;
    require(!schedule.name.empty() && change->job != nullptr, "a recurring job has a name and a job");
    const auto now = from_unix_us(1'790'000'000'000'000);
    auto last = now;
    for (const auto at : api::next_runs(schedule, now)) {
        require(at > last, "runs come one after the other");
        last = at;
    }
    const auto job = api::parse_scheduled_job(*change->job, settings());
    if (!job) return require_fit_for_a_client(job.error());
    require_good(job.value());
}

}  // namespace

void fuzz_job_body(std::string_view input) {
    try_batch(input, "application/json");
    try_batch(input, "application/x-ndjson; charset=utf-8");
    auto document = api::parse_object(input);
    if (!document) return require_fit_for_a_client(document.error());
    try_fields(*document);
    const auto job = api::parse_submit(*document, settings());
    if (job)
        require_good(job.value());
    else
        require_fit_for_a_client(job.error());

    api::SubmittedJob base;
    base.spec.running_commands = "true";
    base.code = "code";
    const auto rerun = api::parse_rerun(*document, std::move(base), settings());
    if (rerun)
        require_good(rerun.value().job);
    else
        require_fit_for_a_client(rerun.error());
    try_schedule(*document);
}

}  // namespace windlass::fuzz
