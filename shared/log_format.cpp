#include "shared/log_format.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>

#include "shared/json.h"

namespace windlass::log {
namespace {

constexpr std::size_t most_text_bytes = 64 * 1024;

std::string_view word(Level level) {
    switch (level) {
        case Level::debug:
            return "debug";
        case Level::info:
            return "info";
        case Level::warning:
            return "warning";
        case Level::error:
            return "error";
    }
    return "info";
}

// syslog(3): LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERR.
int priority(Level level) {
    constexpr std::array priorities = {7, 6, 4, 3};
    return priorities[static_cast<std::size_t>(level)];
}

std::string moment(const Line& line) {
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(line.at);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", std::chrono::floor<std::chrono::seconds>(ms),
                       (ms - std::chrono::floor<std::chrono::seconds>(ms)).count());
}

std::string in_one_line(std::string_view text) {
    std::string line = to_valid_utf8(text.substr(0, most_text_bytes));
    for (std::size_t at = 0; (at = line.find_first_of("\n\r", at)) != std::string::npos; at += 2)
        line.replace(at, 1, line[at] == '\n' ? "\\n" : "\\r");
    return line;
}

// FIELD=value, or with a line end inside: FIELD, its length, and the bytes.
void append_field(std::string& entry, std::string_view prefix, std::string_view name, std::string_view value) {
    for (const std::string_view part : {prefix, name})
        for (const char c : part) entry += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    if (value.find('\n') == std::string_view::npos) {
        entry.append("=").append(value).append("\n");
        return;
    }
    entry += '\n';
    for (std::uint64_t size = value.size(), byte = 0; byte < 8; ++byte, size >>= 8)
        entry += static_cast<char>(size & 0xff);
    entry.append(value).append("\n");
}

}  // namespace

std::string as_text(const Line& line) {
    std::string out =
        fmt::format("{} {} [{}] {}", moment(line), word(line.level), line.program, in_one_line(line.text));
    std::string extra;
    for (const Field& field : line.fields) {
        if (field.value.empty() || line.text.find(field.value) != std::string_view::npos) continue;
        extra += fmt::format("{}{}={}", extra.empty() ? "" : ", ", field.name, in_one_line(field.value));
    }
    return extra.empty() ? out : fmt::format("{} ({})", out, extra);
}

std::string as_json(const Line& line) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    const auto member = [&](std::string_view name, std::string_view value) {
        put_key(json, name);
        put(json, to_valid_utf8(value));
    };
    member("time", moment(line));
    member("level", word(line.level));
    member("program", line.program);
    member("message", line.text.substr(0, most_text_bytes));
    for (const Field& field : line.fields)
        if (!field.value.empty()) member(field.name, field.value);
    json.EndObject();
    return std::string(text_of(buffer));
}

std::string as_journal_entry(const Line& line) {
    std::string entry;
    append_field(entry, "", "message", line.text.substr(0, most_text_bytes));
    append_field(entry, "", "priority", std::to_string(priority(line.level)));
    append_field(entry, "", "syslog_identifier", fmt::format("windlass-{}", line.program));
    for (const Field& field : line.fields)
        if (!field.value.empty()) append_field(entry, "windlass_", field.name, field.value);
    return entry;
}

}  // namespace windlass::log
