#include "api/monitoring/written_points.h"

#include <fmt/format.h>

#include "api/monitoring/job_measurements.h"
#include "api/rfc3339.h"
#include "shared/metrics/metric_store.h"

namespace windlass::api {
namespace {

constexpr WallTime earliest = std::chrono::sys_days{std::chrono::year{2000} / 1 / 1};
constexpr Microseconds furthest_ahead = std::chrono::hours{24};

std::string tag_or(const metrics::Line& line, std::string_view name, std::string_view otherwise) {
    const auto* value = line.tag(name);
    return value == nullptr ? std::string(otherwise) : *value;
}

metrics::SeriesKey series_of(const metrics::Line& line) {
    metrics::SeriesKey key;
    key.hostname = host_key(tag_or(line, "hostname", tag_or(line, "host", "")));
    key.type = tag_or(line, "type", "node");
    if (key.type == "hwthread") key.type = "cpu";
    key.type_id = tag_or(line, "type-id", "");
    if (const auto* part = line.tag("stype-id")) {
        if (!key.type_id.empty()) key.type_id += '/';
        key.type_id += tag_or(line, "stype", "") + *part;
    }
    return key;
}

Result<WallTime> time_of(const metrics::Line& line, WallTime now) {
    if (!line.at_ns) return now;
    const WallTime at = from_unix_us(*line.at_ns / 1000);
    if (at < earliest || at > now + furthest_ahead)
        return make_error(ErrorKind::invalid,
                          fmt::format("its time would be {}; is `precision` right?", time_text(at)));
    return at;
}

Status add_points(std::vector<metrics::MetricPoint>& points, const metrics::Line& line, WallTime now) {
    metrics::MetricPoint point;
    point.series = series_of(line);
    if (point.series.hostname.empty()) return make_error(ErrorKind::invalid, "it has no tag hostname");
    WINDLASS_TRY(point.at, time_of(line, now));
    for (const auto& [field, value] : line.fields) {
        if (const auto* number = std::get_if<double>(&value))
            point.value = *number;
        else if (const auto* truth = std::get_if<bool>(&value))
            point.value = *truth ? 1 : 0;
        else
            continue;
        point.series.measurement = field == "value" ? line.measurement : line.measurement + "." + field;
        WINDLASS_TRY_STATUS(metrics::check(point));
        if (points.size() == most_written_points)
            return make_error(ErrorKind::invalid,
                              fmt::format("these are more than {} values; send them in parts", most_written_points));
        points.push_back(point);
    }
    return {};
}

}  // namespace

Result<std::vector<metrics::MetricPoint>> parse_written_points(std::string_view body, metrics::Precision precision,
                                                               WallTime now) {
    WINDLASS_TRY(const auto lines, metrics::parse_lines(body, precision));
    std::vector<metrics::MetricPoint> points;
    points.reserve(lines.size());
    for (const auto& line : lines)
        if (Status added = add_points(points, line, now); !added)
            return std::move(added).error().in(fmt::format("line {}", line.number));
    return points;
}

}  // namespace windlass::api
