// Metrics as nodes and jobs write them (shared/metrics/line_protocol.h), and packed windows as a damaged disk gives
// them back (shared/metrics/window_codec.h).
//
// Promises: what is refused names a line; what is read has a measurement and fields, none twice; limits hold. Any bytes
// unpack to an error or to rows in the order of time, which pack again to rows that are the same bit by bit.
#include "shared/metrics/line_protocol.h"

#include <cmath>
#include <set>

#include "shared/metrics/window_codec.h"
#include "tests/fuzz/target.h"

namespace windlass::fuzz {
namespace {

void try_lines(std::string_view input) {
    const metrics::LineLimits limits{.lines = 50, .line_bytes = 200, .tags = 8, .fields = 8};
    const auto lines = metrics::parse_lines(input, {}, limits);
    if (!lines) {
        require(lines.error().message.starts_with("line "), "a fault names its line", lines.error().message);
        return;
    }
    require(lines->size() <= limits.lines, "no more lines than allowed");
    for (const auto& line : *lines) {
        require(!line.measurement.empty() && !line.fields.empty(), "a line has a measurement and a field");
        require(line.tags.size() <= limits.tags && line.fields.size() <= limits.fields, "no more tags and fields");
        std::set<std::string> names;
        for (const auto& [name, value] : line.fields) {
            require(names.insert(name).second, "no field stands there twice", name);
            const auto* number = std::get_if<double>(&value);
            require(number == nullptr || std::isfinite(*number), "numbers are finite", name);
        }
    }
}

void try_window(std::string_view input) {
    const auto points = metrics::unpack_points(input);
    if (!points) return;
    require(points->size() <= input.size() * 4, "no more rows than bytes can hold");
    for (std::size_t i = 1; i < points->size(); ++i)
        require((*points)[i - 1].at_ms < (*points)[i].at_ms, "rows are in the order of time");
    const std::string packed = metrics::pack(std::span<const metrics::Point>(*points));
    const auto again = metrics::unpack_points(packed);
    require(again && metrics::pack(std::span<const metrics::Point>(*again)) == packed, "what was read packs again");
}

}  // namespace

void fuzz_line_protocol(std::string_view input) {
    try_lines(input);
    try_window(input);
    if (const auto stretches = metrics::unpack_stretches(input))
        require(stretches->size() <= input.size() * 4, "no more rows than bytes can hold");
}

}  // namespace windlass::fuzz
