#include "api/sse.h"

#include <sodium.h>

#include <algorithm>
#include <utility>

#include "api/front/header_text.h"
#include "api/json_fields.h"
#include "api/render_job.h"

namespace windlass::api {
namespace {

constexpr std::string_view event_stream = "text/event-stream";

std::string base64(std::string_view bytes) {
    std::string text(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
    sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                      sodium_base64_VARIANT_ORIGINAL);
    text.pop_back();  // the zero at its end
    return text;
}

std::string_view stream_name(OutputStream stream) {
    return stream == OutputStream::standard_error ? "stderr" : "stdout";
}

}  // namespace

bool accepts_events(std::string_view accept) {
    while (!accept.empty()) {
        const auto comma = std::min(accept.find(','), accept.size());
        const auto range = accept.substr(0, comma);
        accept.remove_prefix(std::min(comma + 1, accept.size()));
        const auto semicolon = std::min(range.find(';'), range.size());
        if (!equal_without_case(trimmed(range.substr(0, semicolon)), event_stream)) continue;
        const auto parameter = trimmed(range.substr(std::min(semicolon + 1, range.size())));
        const bool refused =
            parameter == "q=0" || parameter == "q=0.0" || parameter == "q=0.00" || parameter == "q=0.000";
        return !refused;
    }
    return false;
}

void append_event(std::string& out, std::string_view type, std::string_view id, std::string_view data) {
    out.append("event: ").append(type).append("\nid: ").append(id).append("\ndata: ").append(data).append("\n\n");
}

void append_json_line(std::string& out, std::string_view type, std::string_view id, std::string_view data) {
    const std::string_view name = type == "state" ? "event" : type == "output" ? "log" : type;
    // Not "id", which the end has for the job. Neither name nor id has a character that would need an escape, and data
    // is an object with members.
    out.append(R"({"type":")").append(name).append(R"(","position":")").append(id).append("\",").append(data.substr(1));
    out += '\n';
}

void append_greeting(std::string& out) {
    out += "retry: 1000\n\n";
}

void append_heartbeat(std::string& out) {
    out += ":\n\n";
}

void append_end(std::string& out, std::string_view id, JobId job, JobState state, AppendEvent append) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_standing(json, job, state);
    json.EndObject();
    append(out, "end", id, text_of(buffer));
}

std::size_t unfinished_character(std::string_view bytes) {
    const std::size_t most = std::min<std::size_t>(3, bytes.size());
    for (std::size_t back = 1; back <= most; ++back) {
        const auto byte = static_cast<unsigned char>(bytes[bytes.size() - back]);
        if ((byte & 0xC0) == 0x80) continue;  // goes on with a character that began before
        const std::size_t length = byte >= 0xF0 && byte <= 0xF4  ? 4
                                   : byte >= 0xE0 && byte < 0xF0 ? 3
                                   : byte >= 0xC2 && byte < 0xE0 ? 2
                                                                 : 1;
        return length > back ? back : 0;
    }
    return 0;
}

void SseLog::output(AttemptNumber attempt, OutputStream stream, std::int64_t offset, std::string_view bytes) {
    if (attempt != told_.attempt) {
        flush();
        told_ = {attempt, {}, false};
    }
    auto& held_back = held_back_[LogPosition::index(stream)];
    if (held_back.empty()) told_.of(stream) = offset;  // a hole in the tables, or the same
    std::string joined;
    if (!held_back.empty()) {
        joined = std::exchange(held_back, {});
        joined += bytes;
        bytes = joined;
    }
    if (encoding_ == LogEncoding::text) {
        const auto unfinished = unfinished_character(bytes);
        held_back = bytes.substr(bytes.size() - unfinished);
        bytes.remove_suffix(unfinished);
    }
    if (!bytes.empty()) tell(stream, bytes);
}

void SseLog::flush() {
    for (const auto stream : {OutputStream::standard_output, OutputStream::standard_error}) {
        const auto rest = std::exchange(held_back_[LogPosition::index(stream)], {});
        if (!rest.empty()) tell(stream, rest);
    }
}

void SseLog::tell(OutputStream stream, std::string_view bytes) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_number(json, "attempt", told_.attempt);
    put_text(json, "stream", stream_name(stream));
    put_number(json, "offset", told_.of(stream));
    if (encoding_ == LogEncoding::text)
        put_any_bytes(json, "text", bytes);
    else
        put_text(json, "base64", base64(bytes));
    json.EndObject();
    told_.of(stream) += static_cast<std::int64_t>(bytes.size());
    append_(*out_, "output", told_.text(), text_of(buffer));
}

void SseEvents::event(const JobEvent& event) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_event(json, event);
    append_(*out_, "state", EventPosition{event.seq, false}.text(), text_of(buffer));
}

}  // namespace windlass::api
