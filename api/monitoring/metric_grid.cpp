#include "api/monitoring/metric_grid.h"

#include <algorithm>
#include <array>
#include <utility>

#include "api/front/header_text.h"
#include "shared/result.h"

namespace windlass::api {

std::optional<AggFn> parse_agg_fn(std::string_view word) {
    constexpr std::array<std::pair<std::string_view, AggFn>, 4> words = {
        {{"mean", AggFn::mean}, {"max", AggFn::max}, {"min", AggFn::min}, {"sum", AggFn::sum}}};
    for (const auto& [name, fn] : words)
        if (equal_without_case(word, name)) return fn;
    return std::nullopt;
}

MetricGrid MetricGrid::over(std::int64_t from_s, std::int64_t to_s, std::int64_t interval_s) {
    WINDLASS_CHECK(interval_s > 0 && from_s >= 0, "a grid has intervals of at least a second, from 1970 on");
    MetricGrid grid{from_s / interval_s, 0, interval_s};
    if (to_s >= from_s) grid.count = static_cast<std::size_t>(to_s / interval_s - grid.first + 1);
    return grid;
}

double MetricCell::value(AggFn fn) const {
    switch (fn) {
        case AggFn::mean:
            return mean;
        case AggFn::max:
            return max;
        case AggFn::min:
            return min;
        case AggFn::sum:
            return sum;
    }
    return mean;
}

void add_points(MetricCells& cells, const MetricGrid& grid, std::span<const metrics::Stretch> points) {
    const std::int64_t interval_ms = grid.interval_s * 1000;
    for (const metrics::Stretch& point : points) {
        if (point.at_ms < 0) continue;
        const std::int64_t at = point.at_ms / interval_ms - grid.first;
        if (at < 0 || static_cast<std::size_t>(at) >= cells.size()) continue;
        MetricCell& cell = cells[static_cast<std::size_t>(at)];
        cell.points += point.count;
        cell.sum += point.mean * point.count;
        // Not sum / points: a sum of large values can overflow, their mean cannot.
        cell.mean += (point.mean - cell.mean) * (point.count / cell.points);
        cell.min = std::min(cell.min, point.min);
        cell.max = std::max(cell.max, point.max);
    }
}

void CombinedParts::add(const MetricCells& part) {
    const auto combine = [&](double& into, double value, double parts) {
        switch (fn_) {
            case AggFn::mean:
                into += (value - into) / parts;
                break;
            case AggFn::max:
                into = std::max(into, value);
                break;
            case AggFn::min:
                into = std::min(into, value);
                break;
            case AggFn::sum:
                into += value;
                break;
        }
    };
    for (std::size_t i = 0; i < part.size(); ++i) {
        if (part[i].empty()) continue;
        MetricCell& cell = cells_[i];
        if (++parts_[i] == 1) {
            cell = part[i];
            continue;
        }
        cell.points += part[i].points;
        combine(cell.sum, part[i].sum, parts_[i]);
        combine(cell.mean, part[i].mean, parts_[i]);
        combine(cell.min, part[i].min, parts_[i]);
        combine(cell.max, part[i].max, parts_[i]);
    }
}

MetricCells CombinedParts::take() {
    return std::move(cells_);
}

double quantile_of(std::span<const double> sorted, double q) {
    WINDLASS_CHECK(!sorted.empty(), "nothing has no quantile");
    const double place = q * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    if (below + 1 >= sorted.size()) return sorted.back();
    const double share = place - static_cast<double>(below);
    return sorted[below] * (1 - share) + sorted[below + 1] * share;
}

}  // namespace windlass::api
