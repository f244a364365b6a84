// The header Range (RFC 9110, section 14): which part of some bytes is asked for. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace windlass::api {

struct ByteRange {
    std::int64_t first = 0;
    std::int64_t last = 0;  // inclusive
    std::int64_t size() const { return last - first + 1; }
    bool operator==(const ByteRange&) const = default;
};
struct WholeThing {
    bool operator==(const WholeThing&) const = default;
};
struct Unsatisfiable {
    bool operator==(const Unsatisfiable&) const = default;
};

// "bytes=5-9", "bytes=5-" and "bytes=-5" of `size` bytes. Several ranges, other units and what is malformed mean the
// whole thing, as the RFC permits.
std::variant<WholeThing, ByteRange, Unsatisfiable> parse_range(std::string_view header, std::int64_t size);

}  // namespace windlass::api
