// Points of one metric put together: those of one interval to one value, and, where a node is shown as a whole, those
// of its parts. Pure.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/metrics/window_codec.h"

namespace windlass::api {

enum class AggFn { mean, max, min, sum };

// "mean", "max", "min", "sum" in any case; nullopt: another word.
std::optional<AggFn> parse_agg_fn(std::string_view word);

// A row of intervals, each beginning at a multiple of its length since 1970. Together they hold from_s to to_s.
struct MetricGrid {
    std::int64_t first = 0;  // number of the first interval since 1970
    std::size_t count = 0;
    std::int64_t interval_s = 30;

    static MetricGrid over(std::int64_t from_s, std::int64_t to_s, std::int64_t interval_s);
    std::int64_t at_s(std::size_t cell) const { return (first + static_cast<std::int64_t>(cell)) * interval_s; }
};

// What one interval came to.
struct MetricCell {
    double sum = 0;
    double mean = 0;
    double min = std::numeric_limits<double>::infinity();
    double max = -std::numeric_limits<double>::infinity();
    double points = 0;  // 0: there was none, and the rest means nothing

    bool empty() const { return points == 0; }
    double value(AggFn fn) const;
};

// The intervals of one part of a node, or of a node.
using MetricCells = std::vector<MetricCell>;

// Adds points that lie in the grid; others are passed over.
void add_points(MetricCells& cells, const MetricGrid& grid, std::span<const metrics::Stretch> points);

// Several parts of a node as one: each of mean, min, max and sum by `fn` over the parts that have the interval.
class CombinedParts {
  public:
    CombinedParts(AggFn fn, std::size_t count) : fn_(fn), cells_(count), parts_(count) {}
    void add(const MetricCells& part);
    MetricCells take();

  private:
    AggFn fn_;
    MetricCells cells_;
    std::vector<double> parts_;
};

// The value that the share q of `sorted` lies below, interpolated linearly between neighbours (type 7 of R. Hyndman and
// Y. Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50 (1996)). `sorted` is not empty.
double quantile_of(std::span<const double> sorted, double q);

}  // namespace windlass::api
