// How far apart the values of a job's metrics are shown: so that there are about 200 of them, however long it ran.
// Pure.
#pragma once

#include <cstdint>
#include <vector>

namespace windlass::api {

struct SampleIntervals {
    std::vector<std::int64_t> all_s;  // ascending, up to the best
    std::int64_t best_s = 0;
};

// Of `metric_s` (how often the metric comes) and 30, 60, 120, 300, 600, 1800 the one nearest to
// ceil(duration / metric_s / 200) * metric_s; of two equally near ones the shorter.
SampleIntervals sample_intervals(std::int64_t duration_s, std::int64_t metric_s);

}  // namespace windlass::api
