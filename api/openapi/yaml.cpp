#include "api/openapi/yaml.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "shared/json.h"

namespace windlass::api {
namespace {

constexpr std::array<std::string_view, 9> words_with_a_meaning = {"true", "false", "null", "yes", "no",
                                                                  "on",   "off",   "y",    "n"};

bool letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Plain only what can be nothing but text: a letter, then letters, digits and a few signs without a meaning here.
bool plain(std::string_view text) {
    if (text.empty() || !letter(text.front())) return false;
    std::string lower(text);
    for (char& c : lower) {
        const bool harmless = letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '/' || c == '.';
        if (!harmless) return false;
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    }
    return std::find(words_with_a_meaning.begin(), words_with_a_meaning.end(), lower) == words_with_a_meaning.end();
}

// Characters that YAML wants escaped and JSON does not: DEL, C1 controls, line separators, the byte order mark and the
// two that are no characters. All of them below U+10000.
bool must_be_escaped(unsigned code) {
    return (code >= 0x7F && code <= 0x9F) || code == 0x2028 || code == 0x2029 || code == 0xFEFF || code >= 0xFFFE;
}

// Decodes the character at `at` if it is one of two or three bytes, else 0.
unsigned short_character(std::string_view text, std::size_t at, std::size_t& length) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
    if ((byte(0) & 0xE0) == 0xC0 && at + 1 < text.size()) {
        length = 2;
        return (byte(0) & 0x1Fu) << 6 | (byte(1) & 0x3Fu);
    }
    if ((byte(0) & 0xF0) == 0xE0 && at + 2 < text.size()) {
        length = 3;
        return (byte(0) & 0x0Fu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
    }
    length = 1;
    return byte(0) == 0x7F ? 0x7F : 0;
}

// The double-quoted form of JSON is one of YAML, but for a few characters.
std::string quoted(std::string_view text) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    put(json, text);
    const auto written = text_of(buffer);
    std::string out;
    out.reserve(written.size());
    for (std::size_t at = 0; at < written.size();) {
        std::size_t length = 1;
        const unsigned code = short_character(written, at, length);
        if (code != 0 && must_be_escaped(code))
            out += fmt::format("\\u{:04X}", code);
        else
            out += written.substr(at, length);
        at += length;
    }
    return out;
}

std::string scalar(std::string_view text) {
    return plain(text) ? std::string(text) : quoted(text);
}

// "1e30" is text in YAML 1.1: a number with an exponent needs a point, and a sign of the exponent.
std::string number(const rapidjson::Value& value) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    value.Accept(json);
    std::string text(text_of(buffer));
    const auto exponent = text.find_first_of("eE");
    if (exponent == std::string::npos) return text;
    if (text[exponent + 1] != '-' && text[exponent + 1] != '+') text.insert(exponent + 1, "+");
    if (text.find('.') == std::string::npos) text.insert(exponent, ".0");
    return text;
}

bool in_one_line(const rapidjson::Value& value) {
    return !(value.IsObject() && !value.ObjectEmpty()) && !(value.IsArray() && !value.Empty());
}

std::string line_of(const rapidjson::Value& value) {
    if (value.IsObject()) return "{}";
    if (value.IsArray()) return "[]";
    if (value.IsString()) return scalar(text_of(value));
    if (value.IsNull()) return "null";
    if (value.IsBool()) return value.GetBool() ? "true" : "false";
    return number(value);
}

// `begun`: a dash stands on the first line already, and the first entry goes behind it.
void block(std::string& out, const rapidjson::Value& value, std::size_t indent, bool begun) {
    const auto begin_line = [&] {
        if (!begun) out.append(indent, ' ');
        begun = false;
    };
    const auto put_value = [&](const rapidjson::Value& inner, bool behind_dash) {
        if (in_one_line(inner)) {
            out += line_of(inner);
            out += '\n';
        } else {
            if (!behind_dash) out += '\n';
            block(out, inner, indent + 2, behind_dash);
        }
    };
    if (value.IsObject()) {
        for (const auto& member : value.GetObject()) {
            begin_line();
            out += scalar(text_of(member.name));
            out += in_one_line(member.value) ? ": " : ":";
            put_value(member.value, false);
        }
    } else {
        for (const auto& item : value.GetArray()) {
            begin_line();
            out += "- ";
            put_value(item, true);
        }
    }
}

}  // namespace

std::string to_yaml(const rapidjson::Value& value) {
    if (in_one_line(value)) return line_of(value) + "\n";
    std::string out;
    block(out, value, 0, false);
    return out;
}

}  // namespace windlass::api
