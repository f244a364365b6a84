#include "api/front/target.h"

#include <cstdint>

namespace windlass::api {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

Error bad(std::string message) {
    return make_error(ErrorKind::invalid, std::move(message));
}

// A value that reaches a database as text must be UTF-8 without NUL; one that reaches a log must not end its line.
Result<std::string> decode(std::string_view text, bool plus_is_space, std::string_view part) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
            const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
            if (low < 0) return bad("The " + std::string(part) + " has a % that two hexadecimal digits do not follow.");
            c = static_cast<char>(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        out.push_back(c);
    }
    return out;
}

bool has_control(std::string_view text, bool allow_space_controls) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (allow_space_controls && (c == '\t' || c == '\n' || c == '\r')) continue;
        if (byte < 0x20 || byte == 0x7f) return true;
    }
    return false;
}

bool has_dot_segment(std::string_view path) {
    std::size_t begin = 1;
    while (begin <= path.size()) {
        const auto end = std::min(path.find('/', begin), path.size());
        const auto segment = path.substr(begin, end - begin);
        if (segment == "." || segment == "..") return true;
        begin = end + 1;
    }
    return false;
}

Result<std::string> parse_path(std::string_view raw) {
    if (raw.find_first_of("\"<>\\^`{|}") != std::string_view::npos) {
        return bad("The path has a character that must be percent-encoded.");
    }
    WINDLASS_TRY(std::string path, decode(raw, false, "path"));
    if (has_control(path, false)) return bad("The path has a control character.");
    if (!valid_utf8(path)) return bad("The path is not valid UTF-8.");
    if (has_dot_segment(path)) return bad("The path has a segment \".\" or \"..\"; send it resolved.");
    return path;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view raw) {
    std::vector<std::pair<std::string, std::string>> out;
    while (!raw.empty()) {
        const auto end = std::min(raw.find('&'), raw.size());
        const auto pair = raw.substr(0, end);
        raw.remove_prefix(std::min(end + 1, raw.size()));
        if (pair.empty()) continue;
        const auto equals = std::min(pair.find('='), pair.size());
        WINDLASS_TRY(std::string key, decode(pair.substr(0, equals), true, "query"));
        WINDLASS_TRY(std::string value, decode(pair.substr(std::min(equals + 1, pair.size())), true, "query"));
        if (has_control(key, true) || has_control(value, true)) return bad("The query has a control character.");
        if (!valid_utf8(key) || !valid_utf8(value)) return bad("The query is not valid UTF-8.");
        out.emplace_back(std::move(key), std::move(value));
    }
    return out;
}

}  // namespace

bool valid_utf8(std::string_view text) {
    std::size_t i = 0;
    while (i < text.size()) {
        const auto lead = static_cast<unsigned char>(text[i]);
        if (lead < 0x80) {
            ++i;
            continue;
        }
        const int extra = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
        if (lead < 0xC2 || lead > 0xF4 || i + static_cast<std::size_t>(extra) >= text.size()) return false;
        std::uint32_t code = lead & (0x3Fu >> extra);
        for (int k = 1; k <= extra; ++k) {
            const auto byte = static_cast<unsigned char>(text[i + static_cast<std::size_t>(k)]);
            if ((byte & 0xC0u) != 0x80u) return false;
            code = (code << 6) | (byte & 0x3Fu);
        }
        const bool overlong = (extra == 2 && code < 0x800) || (extra == 3 && code < 0x10000);
        const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
        if (overlong || surrogate || code > 0x10FFFF) return false;
        i += static_cast<std::size_t>(extra) + 1;
    }
    return true;
}

Result<Target> parse_target(std::string_view target) {
    if (target.empty() || target.front() != '/') {
        return bad("The request target must begin with \"/\": only the origin form is served here (this is no proxy).");
    }
    for (const char c : target) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte <= 0x20 || byte >= 0x7f) return bad("The request target has a byte that must be percent-encoded.");
        if (c == '#') return bad("The request target has a fragment (\"#\"), which is never sent.");
    }
    const auto mark = std::min(target.find('?'), target.size());
    Target out;
    WINDLASS_TRY(out.path, parse_path(target.substr(0, mark)));
    if (mark < target.size()) {
        WINDLASS_TRY(out.query, parse_query(target.substr(mark + 1)));
    }
    return out;
}

}  // namespace windlass::api
