#include "api/byte_range.h"

#include <strings.h>

#include <algorithm>
#include <charconv>

namespace windlass::api {
namespace {

std::optional<std::int64_t> number(std::string_view text) {
    std::int64_t value = 0;
    if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

std::variant<WholeThing, ByteRange, Unsatisfiable> parse_range(std::string_view header, std::int64_t size) {
    constexpr std::string_view unit = "bytes=";
    if (header.size() < unit.size() || strncasecmp(header.data(), unit.data(), unit.size()) != 0) return WholeThing{};
    header.remove_prefix(unit.size());
    const auto dash = header.find('-');
    if (dash == std::string_view::npos) return WholeThing{};
    const auto before = header.substr(0, dash);
    const auto after = header.substr(dash + 1);
    const auto first = number(before);
    const auto last = number(after);
    if (before.empty() && last) {  // the last so many
        if (*last == 0 || size == 0) return Unsatisfiable{};
        return ByteRange{std::max<std::int64_t>(size - *last, 0), size - 1};
    }
    if (!first || (!after.empty() && !last) || (last && *last < *first)) return WholeThing{};
    if (*first >= size) return Unsatisfiable{};
    return ByteRange{*first, last ? std::min(*last, size - 1) : size - 1};
}

}  // namespace windlass::api
