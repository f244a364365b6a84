// InfluxDB line protocol, as programs and collectors write it:
//
//   # a comment
//   cpu_load,hostname=n1,type=node value=1.5 1700000000000000000
//   disk,hostname=n1 read=12i,written=7u,mounted=true,fs="ext4"
//
// Source: "Line protocol" in the reference of InfluxDB 2
// (docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol). As there: \, \= and "\ " stand for themselves in
// names and tags, \" and \\ in texts, any other backslash is one; a text may hold line ends; empty lines and comments
// are passed over. \r\n ends a line, too. Stricter than there: neither a tag nor a field may be named twice in a line.
//
// Pure, and safe for any bytes; whether the names are UTF-8 is not looked at.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shared/result.h"

namespace windlass::metrics {

// A number of any kind (integers beyond 2^53 lose their last digits), a truth, or a text.
using FieldValue = std::variant<double, bool, std::string>;

struct Line {
    std::size_t number = 0;  // in its text, from 1, where it begins
    std::string measurement;
    std::vector<std::pair<std::string, std::string>> tags;
    std::vector<std::pair<std::string, FieldValue>> fields;  // at least one
    std::optional<std::int64_t> at_ns;                       // nothing: the line has no time

    const std::string* tag(std::string_view name) const;  // null: it has none of that name
};

// How the timestamps of a text are to be read. Names as in the query parameter `precision` of InfluxDB: ns (n), us (u),
// ms, s; also m and h.
struct Precision {
    std::int64_t unit_ns = 1;

    static std::optional<Precision> named(std::string_view name);
};

struct LineLimits {
    std::size_t lines = 100'000;  // without comments
    std::size_t line_bytes = 64 * 1024;
    std::size_t tags = 64;
    std::size_t fields = 256;
};

// All lines, or the first fault with its place: "line 3: the tag 'type' has no value".
//   invalid  not line protocol, or beyond a limit
Result<std::vector<Line>> parse_lines(std::string_view text, Precision precision = {}, const LineLimits& limits = {});

}  // namespace windlass::metrics
