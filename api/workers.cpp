// /api/workers/: the machines, for admins.
#include <algorithm>
#include <utility>

#include "api/ask.h"
#include "api/handlers.h"
#include "api/json_fields.h"

namespace windlass::api {
namespace {

void write_offers(JsonWriter& json, const protocol::WorkerView& worker) {
    json.Key("labels");
    json.StartObject();
    for (const auto& [label, value] : worker.labels) put_any_bytes(json, to_valid_utf8(label), value);
    json.EndObject();
    json.Key("resources");
    json.StartObject();
    for (const auto& [name, count] : worker.resources) put_number(json, to_valid_utf8(name), count);
    json.EndObject();
}

void write_worker(JsonWriter& json, const protocol::WorkerView& worker) {
    json.StartObject();
    put_any_bytes(json, "name", worker.name);
    put_any_bytes(json, "software", worker.software);
    put_flag(json, "connected", worker.connected);
    put_flag(json, "draining", worker.draining);
    put_thousandths(json, "cpus", worker.cpu_millis);
    put_thousandths(json, "cpus_used", worker.cpu_millis_used);
    put_number(json, "memory_bytes", worker.memory_bytes);
    put_number(json, "memory_bytes_used", worker.memory_bytes_used);
    write_offers(json, worker);
    json.Key("attempts");
    json.StartArray();
    for (const auto& attempt : worker.attempts) {
        json.StartObject();
        put_text(json, "job", attempt.job.text());
        put_number(json, "attempt", attempt.attempt);
        json.EndObject();
    }
    json.EndArray();
    put_time_or_null(json, "connected_since", worker.connected_since);
    json.EndObject();
}

Response done(const std::string& name, std::string_view what) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_any_bytes(json, "name", name);
    put_text(json, "done", what);
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

// The worker may be known or not: this is how it comes to be known.
OrProblem<Reply> enrol_worker(const Call& call) {
    const std::string name(call.path[0]);
    return ask_scheduler(call, protocol::EnrolWorker{{}, name},
                         [name](const protocol::Message& got) -> OrProblem<Reply> {
                             if (const auto* refused = std::get_if<protocol::OperatorAnswered>(&got))
                                 return make_problem(409, refused->refused);
                             const auto* enrolled = std::get_if<protocol::WorkerEnrolled>(&got);
                             if (enrolled == nullptr) return senseless_answer();
                             rapidjson::StringBuffer buffer;
                             JsonWriter json(buffer);
                             json.StartObject();
                             put_any_bytes(json, "name", name);
                             put_text(json, "token", enrolled->token);
                             put_time_or_null(json, "expires", enrolled->expires);
                             json.EndObject();
                             return Reply(json_response(buffer));
                         });
}

OrProblem<Reply> revoke_worker(const Call& call) {
    const std::string name(call.path[0]);
    return ask_operator(call, protocol::RevokeWorker{{}, name},
                        [name]() -> OrProblem<Reply> { return Reply(done(name, "revoke")); });
}

}  // namespace windlass::api
