#include "api/auth/form.h"

#include <algorithm>
#include <optional>

#include "shared/json.h"

namespace windlass::api {
namespace {

constexpr std::size_t most_fields = 100;
constexpr std::size_t longest_form = 64 * 1024;

int digit_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::optional<std::string> decoded(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+') {
            out += ' ';
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = digit_of(text[i + 1]), low = digit_of(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            out += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    if (!is_valid_utf8(out) || out.find('\0') != std::string::npos) return std::nullopt;
    return out;
}

Error malformed(std::string sentence) {
    return make_error(ErrorKind::invalid, "The form cannot be read: " + std::move(sentence) + ".");
}

}  // namespace

Result<FormFields> parse_form(std::string_view body) {
    if (body.size() > longest_form) return malformed("it is longer than 64 KiB");
    FormFields fields;
    while (!body.empty()) {
        const auto end = std::min(body.find('&'), body.size());
        const auto field = body.substr(0, end);
        body.remove_prefix(std::min(end + 1, body.size()));
        const auto equals = field.find('=');
        if (equals == std::string_view::npos) return malformed("a field has no \"=\"");
        auto name = decoded(field.substr(0, equals));
        auto value = decoded(field.substr(equals + 1));
        if (!name || !value) return malformed("a field is not UTF-8 in percent-encoding");
        if (name->empty()) return malformed("a field has no name");
        if (std::any_of(fields.begin(), fields.end(), [&](const auto& other) { return other.first == *name; }))
            return malformed("the field \"" + name->substr(0, 100) + "\" comes twice");
        if (fields.size() == most_fields) return malformed("it has more than 100 fields");
        fields.emplace_back(*std::move(name), *std::move(value));
    }
    return fields;
}

}  // namespace windlass::api
