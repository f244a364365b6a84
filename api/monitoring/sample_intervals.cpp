#include "api/monitoring/sample_intervals.h"

#include <cstdlib>
#include <set>

#include "shared/result.h"

namespace windlass::api {

SampleIntervals sample_intervals(std::int64_t duration_s, std::int64_t metric_s) {
    WINDLASS_CHECK(metric_s > 0 && duration_s >= 0, "an interval is positive, and a duration not negative");
    const std::set<std::int64_t> candidates{metric_s, 30, 60, 120, 300, 600, 1'800};
    const std::int64_t values_s = metric_s * 200;
    const std::int64_t wanted_s = (duration_s / values_s + (duration_s % values_s > 0 ? 1 : 0)) * metric_s;
    SampleIntervals found{{}, *candidates.begin()};
    for (const std::int64_t candidate : candidates)
        if (std::abs(candidate - wanted_s) < std::abs(found.best_s - wanted_s)) found.best_s = candidate;
    for (const std::int64_t candidate : candidates)
        if (candidate <= found.best_s) found.all_s.push_back(candidate);
    return found;
}

}  // namespace windlass::api
