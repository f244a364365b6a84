// What the store gives back. Read-only; no transaction is needed: points that are made coarser while a query runs may
// be missed or seen twice by it, never by the next.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shared/database/session.h"
#include "shared/metrics/metric_point.h"
#include "shared/metrics/window_codec.h"
#include "shared/result.h"

namespace windlass::metrics {

struct Series {
    std::int64_t id = 0;
    SeriesKey key;
};

struct SeriesQuery {
    JobId job;                                      // 0: the nodes' own
    std::optional<std::vector<std::string>> hosts;  // nothing: any. For the nodes' own always given
    std::vector<std::string> measurements;
};

// In the order of their keys. One query.
Result<std::vector<Series>> find_series(Session& session, const SeriesQuery& query);

// Both ends are part of it.
struct Interval {
    std::int64_t from_ms = 0;
    std::int64_t to_ms = 0;
};

// Some of the points of one series, in the order of time. What was measured is a stretch of one point; old points have
// become means of several (metric_aging.h).
using OnPoints = std::function<void(const Series&, std::span<const Stretch>)>;

// Calls `on_points` one series after the other, in the order of `series`; a series without points is left out. Memory:
// a few thousand windows at a time, however much there is.
Status read_points(Session& session, std::span<const Series> series, const Interval& interval,
                   const OnPoints& on_points);

}  // namespace windlass::metrics
