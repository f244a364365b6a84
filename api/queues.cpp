// /api/queues/: the named queues. Everybody sees what they are; admins make, hold, release and remove them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "api/ask.h"
#include "api/field_reader.h"
#include "api/handlers.h"
#include "api/json_fields.h"
#include "api/names.h"
#include "api/submit_fields.h"

namespace windlass::api {
namespace {

constexpr double largest_weight = 1000;

void write_queue(JsonWriter& json, const protocol::QueueView& queue, bool for_admin) {
    json.StartObject();
    put_text(json, "name", queue.name);
    put_flag(json, "held", queue.held);
    put_text(json, "description", queue.description);
    put_number_or_null(json, "max_running", queue.max_running);
    if (for_admin) {
        put_thousandths(json, "weight", queue.weight_millis);
        put_number(json, "queued", queue.queued);
        put_number(json, "running", queue.running);
    }
    json.EndObject();
}

Reply queue_reply(const Call& call, const protocol::QueueView& queue, int status = 200) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_queue(json, queue, call.principal.is_admin());
    return json_response(buffer, status);
}

// `step` gets the queue of the path, or null when there is none yet.
using QueueStep = std::function<OrProblem<Reply>(const protocol::QueueView* found)>;
Reply with_queue(const Call& call, const std::string& name, QueueStep step) {
    return ask_scheduler(call, protocol::ListQueues{},
                         [name, step = std::move(step)](const protocol::Message& got) -> OrProblem<Reply> {
                             const auto* listed = std::get_if<protocol::QueuesListed>(&got);
                             if (listed == nullptr) return senseless_answer();
                             const auto found = std::find_if(listed->queues.begin(), listed->queues.end(),
                                                             [&](const auto& queue) { return queue.name == name; });
                             return step(found == listed->queues.end() ? nullptr : &*found);
                         });
}

std::string path_queue(const Call& call) {
    return std::string(call.path[0]);
}

Problem no_such_queue() {
    return not_found("There is no queue of this name.");
}

Reply configure(const Call& call, const protocol::QueueView& queue, bool fresh) {
    protocol::ConfigureQueue question{{},         queue.name,       queue.weight_millis, queue.max_running,
                                      queue.held, queue.description};
    return ask_operator(call, std::move(question), [call, queue, fresh]() -> OrProblem<Reply> {
        return queue_reply(call, queue, fresh ? 201 : 200);
    });
}

struct QueueChange {
    std::optional<std::int64_t> weight_millis;
    std::optional<std::int64_t> max_running;
    bool unlimited = false;  // max_running: null
    std::optional<bool> held;
    std::optional<std::string> description;

    void apply(protocol::QueueView& queue) const {
        queue.weight_millis = weight_millis.value_or(queue.weight_millis);
        if (max_running || unlimited) queue.max_running = max_running;
        queue.held = held.value_or(queue.held);
        queue.description = description.value_or(queue.description);
    }
};

// What the body does not say stays, or has its default in a new queue.
OrProblem<QueueChange> parse_change(std::string_view body) {
    WINDLASS_TRY(const auto document, parse_object(body));
    Faults faults;
    FieldReader fields(document, "", faults);
    QueueChange change;
    if (const auto weight = fields.number("weight")) {
        if (!(*weight >= 0.001 && *weight <= largest_weight))
            fields.bad("weight", "must be a number from 0.001 to 1000");
        else
            change.weight_millis = std::llround(*weight * 1000);
    }
    if (const auto* value = fields.any("max_running"); value != nullptr && value->IsNull())
        change.unlimited = true;
    else
        change.max_running = fields.integer("max_running", 0, std::numeric_limits<std::int32_t>::max());
    if (const auto* value = fields.any("held")) {
        if (value->IsBool())
            change.held = value->GetBool();
        else
            fields.bad("held", fmt::format("must be true or false, not {}", type_name(*value)));
    }
    if (const auto text = fields.text("description")) {
        if (count_characters(*text) > 500) fields.bad("description", "must not be longer than 500 characters");
        change.description = std::string(*text);
    }
    fields.refuse_others();
    if (faults.any()) return std::move(faults).problem();
    return change;
}

Reply set_held(const Call& call, bool held) {
    return with_queue(call, path_queue(call), [call, held](const protocol::QueueView* found) -> OrProblem<Reply> {
        if (found == nullptr) return no_such_queue();
        auto queue = *found;
        queue.held = held;
        return configure(call, queue, false);
    });
}

}  // namespace

OrProblem<Reply> list_queues(const Call& call) {
    return ask_scheduler(call, protocol::ListQueues{}, [call](const protocol::Message& got) -> OrProblem<Reply> {
        const auto* listed = std::get_if<protocol::QueuesListed>(&got);
        if (listed == nullptr) return senseless_answer();
        rapidjson::StringBuffer buffer;
        JsonWriter json(buffer);
        json.StartArray();
        for (const auto& queue : listed->queues) write_queue(json, queue, call.principal.is_admin());
        json.EndArray();
        return Reply(json_response(buffer));
    });
}

OrProblem<Reply> show_queue(const Call& call) {
    return with_queue(call, path_queue(call), [call](const protocol::QueueView* found) -> OrProblem<Reply> {
        if (found == nullptr) return no_such_queue();
        return queue_reply(call, *found);
    });
}

OrProblem<Reply> put_queue(const Call& call) {
    const auto name = path_queue(call);
    if (const auto fault = fault_of_queue_name(name); !fault.empty())
        return make_problem(400, "The name in the path: " + std::string(fault) + ".");
    WINDLASS_TRY(const auto change, parse_change(call.request.body));
    return with_queue(call, name, [call, name, change](const protocol::QueueView* found) -> OrProblem<Reply> {
        protocol::QueueView queue;
        if (found != nullptr) queue = *found;
        queue.name = name;
        change.apply(queue);
        return configure(call, queue, found == nullptr);
    });
}

OrProblem<Reply> delete_queue(const Call& call) {
    const auto name = path_queue(call);
    return with_queue(call, name, [call, name](const protocol::QueueView* found) -> OrProblem<Reply> {
        if (found == nullptr) return no_such_queue();
        return ask_operator(call, protocol::RemoveQueue{{}, name},
                            []() -> OrProblem<Reply> { return Reply(no_content()); });
    });
}

OrProblem<Reply> hold_queue(const Call& call) {
    return set_held(call, true);
}

OrProblem<Reply> release_queue(const Call& call) {
    return set_held(call, false);
}

}  // namespace windlass::api
