#include "api/images/multipart.h"

#include <algorithm>

namespace windlass::api {
namespace {

constexpr std::string_view line_end = "\r\n";
constexpr std::size_t longest_boundary = 70;  // RFC 2046 section 5.1.1

Error bad(std::string sentence) {
    return make_error(ErrorKind::invalid, std::move(sentence));
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

bool same_word(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool is_letter_or_digit(char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return is_letter_or_digit(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

bool is_boundary(std::string_view text) {
    return !text.empty() && text.size() <= longest_boundary && text.back() != ' ' &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return is_letter_or_digit(c) || std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
           });
}

void skip_blanks(std::string_view& text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

// One ";name=value" after the main value of a header; the value is a token or a quoted string (RFC 9110 section 5.6).
struct Parameter {
    std::string_view name;
    std::string value;
};
std::optional<Parameter> next_parameter(std::string_view& text) {
    skip_blanks(text);
    if (text.empty() || text.front() != ';') return std::nullopt;
    text.remove_prefix(1);
    skip_blanks(text);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    Parameter parameter{text.substr(0, equals), {}};
    if (!is_token(parameter.name)) return std::nullopt;
    text.remove_prefix(equals + 1);
    if (text.empty() || text.front() != '"') {
        const auto end = std::min(text.find_first_of("; \t"), text.size());
        parameter.value = text.substr(0, end);
        text.remove_prefix(end);
        if (!is_token(parameter.value)) return std::nullopt;
        return parameter;
    }
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"') {
            text.remove_prefix(i + 1);
            return parameter;
        }
        // A browser sends a backslash as it is, curl escapes with it: only these two pairs mean one character.
        if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\')) ++i;
        parameter.value += text[i];
    }
    return std::nullopt;
}

Status read_disposition(std::string_view value, MultipartPart& part) {
    constexpr std::string_view kind = "form-data";
    if (value.size() < kind.size() || !same_word(value.substr(0, kind.size()), kind))
        return bad("A part of the form is not marked as form-data.");
    value.remove_prefix(kind.size());
    bool named = false;
    while (true) {
        skip_blanks(value);
        if (value.empty()) break;
        auto parameter = next_parameter(value);
        if (!parameter) return bad("The header Content-Disposition of a part cannot be read.");
        if (same_word(parameter->name, "name")) {
            if (std::exchange(named, true)) return bad("A part of the form has two names.");
            part.name = std::move(parameter->value);
        } else if (same_word(parameter->name, "filename")) {
            if (part.filename) return bad("A part of the form has two file names.");
            part.filename = std::move(parameter->value);
        }
    }
    if (!named) return bad("A part of the form has no name.");
    return {};
}

Status read_header(std::string_view line, MultipartPart& part, bool& disposed) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
        return bad("A header of a part of the form cannot be read.");
    const auto name = line.substr(0, colon);
    auto value = line.substr(colon + 1);
    skip_blanks(value);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    const bool clean = std::all_of(value.begin(), value.end(), [](char c) {
        return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    });
    if (!clean) return bad("A header of a part of the form has a control character.");
    if (same_word(name, "Content-Disposition")) {
        if (std::exchange(disposed, true)) return bad("A part of the form has Content-Disposition twice.");
        return read_disposition(value, part);
    }
    if (same_word(name, "Content-Type")) part.content_type = value;
    if (same_word(name, "Content-Transfer-Encoding") && !same_word(value, "binary") && !same_word(value, "8bit") &&
        !same_word(value, "7bit"))
        return bad("A part of the form has a transfer encoding; send it as it is.");
    return {};
}

}  // namespace

std::optional<std::string> multipart_boundary(std::string_view content_type) {
    constexpr std::string_view kind = "multipart/form-data";
    skip_blanks(content_type);
    if (content_type.size() < kind.size() || !same_word(content_type.substr(0, kind.size()), kind)) return std::nullopt;
    content_type.remove_prefix(kind.size());
    std::optional<std::string> boundary;
    while (true) {
        skip_blanks(content_type);
        if (content_type.empty()) break;
        auto parameter = next_parameter(content_type);
        if (!parameter) return std::nullopt;
        if (!same_word(parameter->name, "boundary")) continue;
        if (boundary || !is_boundary(parameter->value)) return std::nullopt;
        boundary = std::move(parameter->value);
    }
    return boundary;
}

MultipartParser::MultipartParser(std::string_view boundary, MultipartReceiver& receiver)
    : delimiter_("\r\n--" + std::string(boundary)), receiver_(receiver) {}

Status MultipartParser::feed(std::string_view bytes) {
    held_.append(bytes);
    for (bool more = true; more;) {
        more = false;
        WINDLASS_TRY_STATUS(step(std::string_view(held_).substr(at_), more));
    }
    held_.erase(0, at_);
    offset_ += static_cast<std::int64_t>(at_);
    at_ = 0;
    return {};
}

Status MultipartParser::finish() const {
    if (state_ == State::epilogue) return {};
    return bad("The form ends before its last boundary.");
}

void MultipartParser::used(std::size_t bytes) {
    at_ += bytes;
}

Status MultipartParser::step(std::string_view rest, bool& more) {
    switch (state_) {
        case State::first_boundary:
        case State::after_boundary:
            return take_boundary(rest, more);
        case State::head:
            return take_head(rest, more);
        case State::data:
            return take_data(rest, more);
        case State::epilogue:
            return take_epilogue(rest);
    }
    return {};
}

Status MultipartParser::take_boundary(std::string_view rest, bool& more) {
    if (state_ == State::first_boundary) {
        const auto first = std::string_view(delimiter_).substr(line_end.size());
        const auto size = std::min(first.size(), rest.size());
        if (rest.substr(0, size) != first.substr(0, size))
            return bad("The form does not begin with the boundary that Content-Type names.");
        if (rest.size() < first.size()) return {};
        used(first.size());
        state_ = State::after_boundary;
        more = true;
        return {};
    }
    if (rest.size() < 2) return {};
    const auto mark = rest.substr(0, 2);
    if (mark == "--") {
        state_ = State::epilogue;
    } else if (mark == line_end) {
        if (++parts_ > most_parts) return bad("The form has too many parts.");
        state_ = State::head;
    } else {
        return bad("A boundary of the form is followed by something that does not belong there.");
    }
    used(2);
    more = true;
    return {};
}

Status MultipartParser::take_head(std::string_view rest, bool& more) {
    const auto end = rest.find("\r\n\r\n");
    const bool whole = end != std::string_view::npos;
    // The same answer however the bytes are cut: of an end that has begun up to three bytes are there.
    if (whole ? end > most_head_bytes : rest.size() > most_head_bytes + 3)
        return bad("A part of the form has too long a head.");
    if (!whole) return {};
    MultipartPart part;
    bool disposed = false;
    for (auto lines = rest.substr(0, end + line_end.size()); !lines.empty();) {
        const auto line = lines.substr(0, lines.find(line_end));
        WINDLASS_TRY_STATUS(read_header(line, part, disposed));
        lines.remove_prefix(line.size() + line_end.size());
    }
    if (!disposed) return bad("A part of the form has no Content-Disposition.");
    WINDLASS_TRY_STATUS(receiver_.begin(part));
    used(end + 2 * line_end.size());
    state_ = State::data;
    more = true;
    return {};
}

Status MultipartParser::take_data(std::string_view rest, bool& more) {
    const auto end = rest.find(delimiter_);
    if (end == std::string_view::npos) {
        // A delimiter may have begun at the end of what is there.
        if (rest.size() < delimiter_.size()) return {};
        return give(rest.substr(0, rest.size() - delimiter_.size() + 1));
    }
    WINDLASS_TRY_STATUS(give(rest.substr(0, end)));
    WINDLASS_TRY_STATUS(receiver_.end());
    used(delimiter_.size());
    state_ = State::after_boundary;
    more = true;
    return {};
}

// To be ignored (RFC 2046). But a form that ends before its first part is read by others as nothing yet, and what
// follows as the form.
Status MultipartParser::take_epilogue(std::string_view rest) {
    if (parts_ > 0)
        used(rest.size());
    else if (!line_end.starts_with(rest))
        return bad("The form ends before its first part, and goes on behind its end.");
    return {};
}

Status MultipartParser::give(std::string_view bytes) {
    if (bytes.empty()) return {};
    const auto offset = offset_ + static_cast<std::int64_t>(at_);
    used(bytes.size());
    return receiver_.data(bytes, offset);
}

}  // namespace windlass::api
