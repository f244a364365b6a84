// /api/workers/: the machines, for admins.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/ask.h"
#include "api/handlers.h"
#include "api/render_job.h"

namespace windlass::api {
namespace {

void text(JsonWriter& json, const char* key, std::string_view value) {
    json.Key(key);
    put(json, to_valid_utf8(value));
}
void number(JsonWriter& json, const char* key, std::int64_t value) {
    json.Key(key);
    json.Int64(value);
}
void cores(JsonWriter& json, const char* key, std::int64_t millis) {
    json.Key(key);
    const std::string digits = fmt::format("{}", static_cast<double>(millis) / 1000.0);
    json.RawValue(digits.data(), digits.size(), rapidjson::kNumberType);
}
void flag(JsonWriter& json, const char* key, bool value) {
    json.Key(key);
    json.Bool(value);
}

void write_offers(JsonWriter& json, const protocol::WorkerView& worker) {
    json.Key("labels");
    json.StartObject();
    for (const auto& [label, value] : worker.labels) text(json, to_valid_utf8(label).c_str(), value);
    json.EndObject();
    json.Key("resources");
    json.StartObject();
    for (const auto& [name, count] : worker.resources) number(json, to_valid_utf8(name).c_str(), count);
    json.EndObject();
}

void write_worker(JsonWriter& json, const protocol::WorkerView& worker) {
    json.StartObject();
    text(json, "name", worker.name);
    text(json, "software", worker.software);
    flag(json, "connected", worker.connected);
    flag(json, "draining", worker.draining);
    cores(json, "cpus", worker.cpu_millis);
    cores(json, "cpus_used", worker.cpu_millis_used);
    number(json, "memory_bytes", worker.memory_bytes);
    number(json, "memory_bytes_used", worker.memory_bytes_used);
    write_offers(json, worker);
    json.Key("attempts");
    json.StartArray();
    for (const auto& attempt : worker.attempts) {
        json.StartObject();
        text(json, "job", attempt.job.text());
        number(json, "attempt", attempt.attempt);
        json.EndObject();
    }
    json.EndArray();
    json.Key("connected_since");
    if (worker.connected_since)
        put(json, time_text(*worker.connected_since));
    else
        json.Null();
    json.EndObject();
}

Response done(const std::string& name, std::string_view what) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    text(json, "name", name);
    text(json, "done", what);
    json.EndObject();
    return json_response(buffer);
}

// Looks for the worker of the path before anything is done to it: an unknown one is 404.
Reply on_worker(const Call& call, protocol::Message question, std::string_view what) {
    return ask_scheduler(
        call, protocol::ListWorkers{},
        [call, name = std::string(call.path[0]), question = std::move(question),
         what](const protocol::Message& got) -> OrProblem<Reply> {
            const auto* listed = std::get_if<protocol::WorkersListed>(&got);
            if (listed == nullptr) return senseless_answer();
            if (std::none_of(listed->workers.begin(), listed->workers.end(),
                             [&](const auto& worker) { return worker.name == name; }))
                return not_found("There is no worker of this name.");
            return ask_operator(call, question, [name, what]() -> OrProblem<Reply> { return Reply(done(name, what)); });
        });
}

}  // namespace

OrProblem<Reply> list_workers(const Call& call) {
    return ask_scheduler(call, protocol::ListWorkers{}, [](const protocol::Message& got) -> OrProblem<Reply> {
        const auto* listed = std::get_if<protocol::WorkersListed>(&got);
        if (listed == nullptr) return senseless_answer();
        rapidjson::StringBuffer buffer;
        JsonWriter json(buffer);
        json.StartArray();
        for (const auto& worker : listed->workers) write_worker(json, worker);
        json.EndArray();
        return Reply(json_response(buffer));
    });
}

OrProblem<Reply> drain_worker(const Call& call) {
    return on_worker(call, protocol::DrainWorker{{}, std::string(call.path[0]), true}, "drain");
}

OrProblem<Reply> resume_worker(const Call& call) {
    return on_worker(call, protocol::DrainWorker{{}, std::string(call.path[0]), false}, "resume");
}

OrProblem<Reply> forget_worker(const Call& call) {
    return on_worker(call, protocol::ForgetWorker{{}, std::string(call.path[0])}, "forget");
}

}  // namespace windlass::api
