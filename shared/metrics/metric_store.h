// The points in the database: a row of metric_series for each series, a row of metric_window for each hour of it
// (points as measured) or each day (means of what has grown old), its points packed (window_codec.h).
//
// Every function works in the caller's transaction where it says so. Several processes may append at once: the windows
// of one host are written by one of them at a time, by advisory locks on PostgreSQL, and by SQLite's only writer.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/database/session.h"
#include "shared/metrics/metric_point.h"
#include "shared/result.h"

namespace windlass::metrics {

inline constexpr std::int64_t point_window_ms = 3'600'000;     // an hour of points as measured
inline constexpr std::int64_t stretch_window_ms = 86'400'000;  // a day of stretches

// Adds the points, in the caller's transaction; new series are made on the way. A point at the millisecond of an older
// one of its series takes its place, so sending a batch again changes nothing.
//   invalid      a name that is empty, too long, or not UTF-8; a time before 1970 or after 2200; a value that is not
//                finite: nothing was written, and the caller's transaction is as it was
//   unavailable  as of Session; the caller's transaction must be given up
Status append(Session& session, const std::vector<MetricPoint>& points);

// What append() refuses as invalid, without a database; ok when it would not.
Status check(const MetricPoint& point);

}  // namespace windlass::metrics
