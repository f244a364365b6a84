// A number in a query parameter.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace windlass::api {

// All of the text, in decimal, with a minus sign or none; nullopt: it is something else, or too large.
inline std::optional<std::int64_t> whole_number(std::string_view text) {
    std::int64_t value = 0;
    const auto end = text.data() + text.size();
    const auto [read_to, failed] = std::from_chars(text.data(), end, value);
    if (text.empty() || failed != std::errc() || read_to != end) return std::nullopt;
    return value;
}

}  // namespace windlass::api
