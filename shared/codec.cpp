// How messages look on the wire. Each struct is described once, by describe() in shared/codec/; one visitor writes it
// as a JSON object, the other reads it back.
#include <fmt/format.h>

#include "shared/codec/client_messages.h"
#include "shared/codec/job_fields.h"
#include "shared/codec/operator_messages.h"
#include "shared/codec/visitors.h"
#include "shared/codec/worker_messages.h"
#include "shared/json.h"
#include "shared/protocol.h"

namespace windlass::protocol {
namespace {

// The word that stands for a message on the wire, by its place in the variant.
constexpr std::string_view type_names[] = {"hello",
                                           "welcome",
                                           "refused",
                                           "renew",
                                           "started",
                                           "ready",
                                           "output",
                                           "finished",
                                           "returned",
                                           "sampled",
                                           "draining",
                                           "fetch_blob",
                                           "lease",
                                           "blob_fetched",
                                           "cancel",
                                           "revoke",
                                           "finish_acknowledged",
                                           "renewed",
                                           "submit",
                                           "cancel_jobs",
                                           "configure_queue",
                                           "remove_queue",
                                           "drain_worker",
                                           "forget_worker",
                                           "set_quota",
                                           "schedules_changed",
                                           "list_workers",
                                           "list_queues",
                                           "follow",
                                           "unfollow",
                                           "watch",
                                           "explain",
                                           "ask_statistics",
                                           "submitted",
                                           "submit_refused",
                                           "cancel_answered",
                                           "operator_answered",
                                           "workers",
                                           "queues",
                                           "followed",
                                           "happened",
                                           "printed",
                                           "ended",
                                           "explained",
                                           "statistics",
                                           "unavailable",
                                           "enrol",
                                           "renew_certificate",
                                           "certified",
                                           "enrol_worker",
                                           "revoke_worker",
                                           "worker_enrolled"};
static_assert(std::size(type_names) == std::variant_size_v<Message>);

template <std::size_t I = 0>
Result<Message> decode_as(std::string_view type, const rapidjson::Value& object) {
    if constexpr (I == std::variant_size_v<Message>) {
        return make_error(ErrorKind::invalid, fmt::format("unknown message \"{}\"", to_valid_utf8(type.substr(0, 64))));
    } else {
        if (type != type_names[I]) return decode_as<I + 1>(type, object);
        std::variant_alternative_t<I, Message> message;
        std::string error;
        Reader reader(object, error);
        describe(reader, message);
        if (!error.empty()) return make_error(ErrorKind::invalid, fmt::format("message \"{}\": {}", type, error));
        return Message(std::move(message));
    }
}

}  // namespace

std::string encode_item(const SubmitItem& item) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    Writer writer{json};
    SubmitItem copy = item;
    writer.value(copy);
    return std::string(text_of(buffer));
}

Result<SubmitItem> decode_item(std::string_view text) {
    WINDLASS_TRY(const auto document, parse_json(text));
    if (!document.IsObject()) return make_error(ErrorKind::invalid, "an item of a submit is a JSON object");
    std::string error;
    Reader reader(document, error);
    SubmitItem item;
    describe(reader, item);
    if (!error.empty()) return make_error(ErrorKind::invalid, "an item of a submit: " + error);
    return item;
}

std::string encode_details(const JobSpec& spec) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    Writer writer{json};
    JobSpec copy = spec;
    Details details{copy};
    json.StartObject();
    describe(writer, details);
    json.EndObject();
    return buffer.GetSize() == 2 ? std::string() : std::string(text_of(buffer));
}

Status decode_details(std::string_view text, JobSpec& spec) {
    if (text.empty()) return Status();
    WINDLASS_TRY(const auto document, parse_json(text));
    if (!document.IsObject()) return make_error(ErrorKind::invalid, "the details of a job are a JSON object");
    std::string error;
    Reader reader(document, error);
    Details details{spec};
    describe(reader, details);
    if (!error.empty()) return make_error(ErrorKind::invalid, "the details of a job: " + error);
    return Status();
}

std::string encode(const Message& message) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    json.Key("type");
    put(json, type_names[message.index()]);
    Writer writer{json};
    // describe() serves both directions, so it takes its message by non-const reference; the writer changes nothing.
    std::visit([&](const auto& m) { describe(writer, const_cast<std::remove_cvref_t<decltype(m)>&>(m)); }, message);
    json.EndObject();
    return {buffer.GetString(), buffer.GetSize()};
}

Result<Message> decode(std::string_view header) {
    JsonRules rules;
    rules.max_depth = 16;
    rules.allow_nul = true;  // peers are ours: what they say was checked at the edge; bytes of jobs may hold anything
    WINDLASS_TRY(const auto document, parse_json(header, rules));
    if (!document.IsObject()) return make_error(ErrorKind::invalid, "a message is a JSON object");
    const auto type = document.FindMember("type");
    if (type == document.MemberEnd() || !type->value.IsString())
        return make_error(ErrorKind::invalid, "a message needs a type");
    return decode_as(text_of(type->value), document);
}

}  // namespace windlass::protocol
