#include "api/log_position.h"

#include <charconv>
#include <limits>

namespace windlass::api {
namespace {

constexpr std::string_view end_mark = ":end";

bool take(std::string_view& text, std::string_view part) {
    if (!text.starts_with(part)) return false;
    text.remove_prefix(part.size());
    return true;
}

// Digits only, and as they were written: no sign, no zero in front.
std::optional<std::int64_t> take_number(std::string_view& text, std::int64_t most) {
    std::int64_t value = 0;
    if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    const auto digits = static_cast<std::size_t>(end - text.data());
    if (failed != std::errc() || value > most || (digits > 1 && text.front() == '0')) return std::nullopt;
    text.remove_prefix(digits);
    return value;
}

constexpr std::int64_t largest = std::int64_t{1} << 53;  // what a program in a browser can count to

}  // namespace

std::string LogPosition::text() const {
    std::string out =
        std::to_string(attempt) + ":out:" + std::to_string(offsets[0]) + ":err:" + std::to_string(offsets[1]);
    if (end) out += end_mark;
    return out;
}

std::optional<LogPosition> LogPosition::parse(std::string_view text) {
    LogPosition position;
    const auto attempt = take_number(text, std::numeric_limits<AttemptNumber>::max());
    if (!attempt || !take(text, ":out:")) return std::nullopt;
    const auto out = take_number(text, largest);
    if (!out || !take(text, ":err:")) return std::nullopt;
    const auto err = take_number(text, largest);
    if (!err) return std::nullopt;
    position.attempt = static_cast<AttemptNumber>(*attempt);
    position.offsets = {*out, *err};
    position.end = take(text, end_mark);
    return text.empty() ? std::optional(position) : std::nullopt;
}

std::string EventPosition::text() const {
    return std::to_string(seq) + std::string(end ? end_mark : std::string_view());
}

std::optional<EventPosition> EventPosition::parse(std::string_view text) {
    const auto seq = take_number(text, largest);
    if (!seq) return std::nullopt;
    EventPosition position{*seq, take(text, end_mark)};
    return text.empty() ? std::optional(position) : std::nullopt;
}

}  // namespace windlass::api
