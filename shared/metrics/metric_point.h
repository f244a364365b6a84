// A number that was measured somewhere, and the series it belongs to.
#pragma once

#include <compare>
#include <string>

#include "shared/ids.h"
#include "shared/time.h"

namespace windlass::metrics {

// What a number is about. Two points belong to one series when all five are equal. A node's own series (job 0) are what
// outside clusters send; those of a job are what our workers measured of it.
struct SeriesKey {
    JobId job;                // 0: the node's own
    std::string hostname;     // as the node calls itself, at most 255 bytes
    std::string measurement;  // "cpu_used", "user.loss"; at most 200 bytes, not empty
    std::string type;         // what of the node: node, socket, cpu, accelerator; at most 64 bytes
    std::string type_id;      // which of them; empty for the node; at most 64 bytes

    auto operator<=>(const SeriesKey&) const = default;
};

struct MetricPoint {
    SeriesKey series;
    WallTime at;  // kept to the millisecond
    double value = 0;

    bool operator==(const MetricPoint&) const = default;
};

}  // namespace windlass::metrics
