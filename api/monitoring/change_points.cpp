#include "api/monitoring/change_points.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace windlass::api {
namespace {

constexpr std::size_t shortest = 3;

double median_of(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

// 1.4826 makes the median absolute deviation of normal noise its standard deviation; the difference of two values has
// the square root of two times as much.
double noise_of(std::span<const double> values) {
    std::vector<double> steps;
    for (std::size_t i = 1; i < values.size(); ++i) steps.push_back(values[i] - values[i - 1]);
    const double middle = median_of(steps);
    for (double& step : steps) step = std::abs(step - middle);
    return 1.4826 * median_of(std::move(steps)) / std::sqrt(2.0);
}

// Sums over the beginning of the series, for the cost of any segment in constant time.
class Costs {
  public:
    explicit Costs(std::span<const double> values) : sums_(values.size() + 1), squares_(values.size() + 1) {
        for (std::size_t i = 0; i < values.size(); ++i) {
            sums_[i + 1] = sums_[i] + values[i];
            squares_[i + 1] = squares_[i] + values[i] * values[i];
        }
    }
    double of(std::size_t from, std::size_t to) const {
        const double sum = sums_[to] - sums_[from];
        return std::max(squares_[to] - squares_[from] - sum * sum / static_cast<double>(to - from), 0.0);
    }

  private:
    std::vector<double> sums_, squares_;
};

}  // namespace

std::vector<std::size_t> change_points(std::span<const double> values) {
    const std::size_t n = values.size();
    if (n < 2 * shortest) return {};
    const auto [low, high] = std::ranges::minmax(values);
    const double range = high - low;
    if (range <= 0 || !std::isfinite(range)) return {};
    // All between 0 and 1: the differences of large sums of squares would lose what matters.
    std::vector<double> scaled;
    for (const double v : values) scaled.push_back((v - low) / range);
    const double noise = std::max(noise_of(scaled), 0.01);
    const double penalty = 3 * noise * noise * std::log(static_cast<double>(n));

    const Costs costs(scaled);
    std::vector<double> best(n + 1, std::numeric_limits<double>::infinity());
    std::vector<std::size_t> last(n + 1, 0);
    best[0] = -penalty;
    struct Start {
        std::size_t at = 0;
        std::size_t gone = std::numeric_limits<std::size_t>::max();  // is no longer looked at from this end on
    };
    std::vector<Start> starts{{}};
    for (std::size_t end = shortest; end <= n; ++end) {
        // The start that this end is the first to be far enough from.
        if (end >= 2 * shortest) starts.push_back({end - shortest});
        std::erase_if(starts, [&](const Start& start) { return start.gone <= end; });
        for (const Start& start : starts) {
            const double cost = best[start.at] + costs.of(start.at, end) + penalty;
            if (cost < best[end]) {
                best[end] = cost;
                last[end] = start.at;
            }
        }
        // A start that is no better by now than this end as one never will be, once a segment from here is long enough.
        for (Start& start : starts)
            if (best[start.at] + costs.of(start.at, end) > best[end]) start.gone = std::min(start.gone, end + shortest);
    }
    std::vector<std::size_t> points;
    for (std::size_t at = last[n]; at > 0; at = last[at]) points.push_back(at);
    std::ranges::reverse(points);
    return points;
}

}  // namespace windlass::api
