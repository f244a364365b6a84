#include "shared/metrics/line_protocol.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace windlass::metrics {
namespace {

// Reads one line from the front of a text.
class LineReader {
  public:
    LineReader(std::string_view text, Precision precision, const LineLimits& limits)
        : text_(text), precision_(precision), limits_(limits) {}

    Result<Line> read() {
        Line line;
        line.measurement = name(",", " ");
        if (line.measurement.empty()) return fault("it has no measurement");
        while (peek() == ',') {
            ++at_;
            WINDLASS_TRY_STATUS(read_tag(line));
        }
        if (peek() != ' ') return fault("it has no fields");
        skip_spaces();
        do {
            WINDLASS_TRY_STATUS(read_field(line));
        } while (take(','));
        const bool spaced = skip_spaces();
        if (!at_end()) {
            if (!spaced) return fault("there is something behind the field '" + line.fields.back().first + "'");
            WINDLASS_TRY(line.at_ns, time());
            skip_spaces();
            if (!at_end()) return fault("there is something behind its time");
        }
        if (at_ > limits_.line_bytes)
            return fault("it is longer than " + std::to_string(limits_.line_bytes) + " bytes");
        return line;
    }
    std::size_t used() const { return at_; }

  private:
    static Error fault(std::string what) { return make_error(ErrorKind::invalid, std::move(what)); }

    char peek() const { return at_ < text_.size() ? text_[at_] : '\n'; }
    bool at_end() const {
        return peek() == '\n' || (peek() == '\r' && (at_ + 1 == text_.size() || text_[at_ + 1] == '\n'));
    }
    bool take(char c) {
        if (at_end() || peek() != c) return false;
        ++at_;
        return true;
    }
    bool skip_spaces() {
        const std::size_t from = at_;
        while (peek() == ' ') ++at_;
        return at_ > from;
    }

    // Up to one of `ends`; of `escaped` and `ends` a backslash takes away the meaning.
    std::string name(std::string_view escaped, std::string_view ends) {
        std::string out;
        for (; !at_end(); ++at_) {
            char c = peek();
            const auto special = [&](char x) {
                return escaped.find(x) != std::string_view::npos || ends.find(x) != std::string_view::npos;
            };
            if (c == '\\' && at_ + 1 < text_.size() && special(text_[at_ + 1]))
                c = text_[++at_];
            else if (ends.find(c) != std::string_view::npos ||
                     (c == ',' && escaped.find(',') != std::string_view::npos))
                break;
            out += c;
        }
        return out;
    }

    Status read_tag(Line& line) {
        const std::string key = name(",", "= ");
        if (key.empty()) return fault("a tag has no name");
        if (!take('=')) return fault("the tag '" + key + "' has no value");
        std::string value = name(",=", " ");
        if (value.empty()) return fault("the tag '" + key + "' has no value");
        if (line.tag(key) != nullptr) return fault("the tag '" + key + "' stands there twice");
        if (line.tags.size() == limits_.tags)
            return fault("it has more than " + std::to_string(limits_.tags) + " tags");
        line.tags.emplace_back(key, std::move(value));
        return {};
    }

    Status read_field(Line& line) {
        const std::string key = name(",", "= ");
        if (key.empty()) return fault("a field has no name");
        if (!take('=')) return fault("the field '" + key + "' has no value");
        if (std::ranges::find(line.fields, key, &decltype(line.fields)::value_type::first) != line.fields.end())
            return fault("the field '" + key + "' stands there twice");
        if (line.fields.size() == limits_.fields)
            return fault("it has more than " + std::to_string(limits_.fields) + " fields");
        auto value = take('"') ? quoted() : bare();
        if (!value) return fault("the field '" + key + "' " + value.error().message);
        line.fields.emplace_back(key, std::move(value).value());
        return {};
    }

    Result<FieldValue> quoted() {
        std::string out;
        for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
            if (text_[at_] == '\\' && at_ + 1 < text_.size() && (text_[at_ + 1] == '"' || text_[at_ + 1] == '\\'))
                ++at_;
            out += text_[at_];
            if (out.size() > limits_.line_bytes)
                return fault("is longer than " + std::to_string(limits_.line_bytes) + " bytes");
        }
        if (at_ == text_.size()) return fault("has a quote that is not closed");
        ++at_;
        return FieldValue{std::move(out)};
    }

    Result<FieldValue> bare() {
        const std::size_t from = at_;
        while (!at_end() && peek() != ',' && peek() != ' ') ++at_;
        std::string_view word = text_.substr(from, at_ - from);
        if (word.empty()) return fault("has no value");
        for (const std::string_view yes : {"t", "T", "true", "True", "TRUE"})
            if (word == yes) return FieldValue{true};
        for (const std::string_view no : {"f", "F", "false", "False", "FALSE"})
            if (word == no) return FieldValue{false};
        const auto wrong = [&] { return fault("is neither a number, a truth nor a text in quotes"); };
        const auto whole = [&](auto number) -> Result<FieldValue> {
            word.remove_suffix(1);
            const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
            if (error == std::errc::result_out_of_range) return fault("is out of the range of 64 bits");
            if (error != std::errc() || end != word.data() + word.size()) return wrong();
            return FieldValue{static_cast<double>(number)};
        };
        if (word.front() == '+') word.remove_prefix(1);
        if (word.empty()) return wrong();
        if (word.back() == 'i') return whole(std::int64_t{});
        if (word.back() == 'u') return whole(std::uint64_t{});
        double number = 0;
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
        if (error == std::errc::result_out_of_range) return fault("is out of the range of 64 bits");
        if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(number)) return wrong();
        return FieldValue{number};
    }

    Result<std::int64_t> time() {
        const std::size_t from = at_;
        while (!at_end() && peek() != ' ') ++at_;
        const std::string_view word = text_.substr(from, at_ - from);
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
        if (error == std::errc::invalid_argument || end != word.data() + word.size())
            return fault("its time is not a whole number");
        std::int64_t ns = 0;
        if (error != std::errc() || __builtin_mul_overflow(number, precision_.unit_ns, &ns))
            return fault("its time is out of the range of 64 bits of nanoseconds; is `precision` right?");
        return ns;
    }

    std::string_view text_;
    Precision precision_;
    const LineLimits& limits_;
    std::size_t at_ = 0;
};

}  // namespace

const std::string* Line::tag(std::string_view name) const {
    const auto found = std::ranges::find(tags, name, &decltype(tags)::value_type::first);
    return found == tags.end() ? nullptr : &found->second;
}

std::optional<Precision> Precision::named(std::string_view name) {
    if (name == "ns" || name == "n") return Precision{1};
    if (name == "us" || name == "u" || name == "µ" || name == "µs") return Precision{1'000};
    if (name == "ms") return Precision{1'000'000};
    if (name == "s") return Precision{1'000'000'000};
    if (name == "m") return Precision{60'000'000'000};
    if (name == "h") return Precision{3'600'000'000'000};
    return std::nullopt;
}

Result<std::vector<Line>> parse_lines(std::string_view text, Precision precision, const LineLimits& limits) {
    std::vector<Line> lines;
    std::size_t number = 1;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t first = text.find_first_not_of(" \t\r", at);
        if (first == std::string_view::npos) break;
        if (text[first] == '#' || text[first] == '\n') {
            const std::size_t end = text.find('\n', first);
            if (end == std::string_view::npos) break;
            at = end + 1;
            ++number;
            continue;
        }
        const auto where = "line " + std::to_string(number);
        if (lines.size() == limits.lines)
            return make_error(ErrorKind::invalid, where + ": more than " + std::to_string(limits.lines) + " lines");
        LineReader reader(text.substr(first), precision, limits);
        auto line = reader.read();
        if (!line) return std::move(line).error().in(where);
        line->number = number;
        lines.push_back(std::move(line).value());
        const std::size_t used = first + reader.used();
        number += static_cast<std::size_t>(std::ranges::count(text.substr(first, reader.used()), '\n'));  // in texts
        const std::size_t end = text.find('\n', used);
        if (end == std::string_view::npos) break;
        at = end + 1;
        ++number;
    }
    return lines;
}

}  // namespace windlass::metrics
