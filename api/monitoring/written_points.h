// What nodes of outside clusters send to POST /api/write/, as points. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "shared/metrics/line_protocol.h"
#include "shared/metrics/metric_point.h"
#include "shared/result.h"

namespace windlass::api {

inline constexpr std::size_t most_written_points = 200'000;  // in one body

// The points of InfluxDB line protocol, in the words of cc-metric-collector: tags hostname (or host), type (without it:
// node; hwthread is cpu), type-id, and stype and stype-id, which become part of the type-id; other tags are passed
// over. The field `value` is the measurement's; any other field is a measurement of its own, "measurement.field". A
// truth is 1 or 0; texts are not kept. A line without a time is of `now`.
//   invalid  "line 3: …": it is not line protocol, names no host, is of a time that cannot be meant (before 2000, or
//   more
//            than a day ahead), or holds what metrics::check() refuses; or there are more than most_written_points
Result<std::vector<metrics::MetricPoint>> parse_written_points(std::string_view body, metrics::Precision precision,
                                                               WallTime now);

}  // namespace windlass::api
