#include "scheduler/sample_desk.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "shared/log.h"
#include "shared/metrics/metric_store.h"

namespace windlass::scheduler {

bool SampleDesk::allow(WorkerId worker, std::size_t points) {
    const SteadyTime now = turns_.now().steady;
    auto [place, is_new] = allowances_.try_emplace(worker);
    Allowance& allowance = place->second;
    if (!is_new) {
        const double passed_s = static_cast<double>(std::max(now - allowance.at, Microseconds{0}).count()) / 1e6;
        allowance.left = std::min(allowance.left + passed_s * points_per_s, points_at_once);
    }
    allowance.at = now;
    if (allowance.left < static_cast<double>(points)) return false;
    allowance.left -= static_cast<double>(points);
    return true;
}

void SampleDesk::heard(WorkerId worker, const std::string& name, protocol::AttemptSampled sampled) {
    const auto count = static_cast<std::int64_t>(sampled.samples.size());
    if (!turns_.holds(worker, sampled.attempt) || !allow(worker, sampled.samples.size())) {
        dropped_ += count;
        return;
    }
    const WallTime now = turns_.now().wall;
    for (protocol::AttemptSample& sample : sampled.samples) {
        const bool believable = sample.at <= now + believed && sample.at >= now - believed;
        metrics::MetricPoint point{{sampled.attempt.job, name, std::move(sample.measurement),
                                    sample.type.empty() ? "node" : std::move(sample.type), std::move(sample.type_id)},
                                   believable ? sample.at : now,
                                   sample.value};
        if (waiting_.size() < most_waiting && metrics::check(point))
            waiting_.push_back(std::move(point));
        else
            ++dropped_;
    }
    if (!waiting_.empty() && !writing_ && !timer_.is_set()) timer_.start(every);
}

void SampleDesk::write() {
    if (writing_ || waiting_.empty()) return;
    if (turns_.store().failing()) return timer_.start(every);  // one that is away is asked for nothing more
    const std::size_t count = std::min(waiting_.size(), most_at_once);
    const auto split = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
    std::vector<metrics::MetricPoint> points(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(split));
    waiting_.erase(waiting_.begin(), split);
    writing_ = true;
    turns_.store().ask<void>([points = std::move(points)](Store& store) { return store.append_samples(points); },
                             [this, count](const Status& stored) {
                                 writing_ = false;
                                 if (stored) {
                                     stored_ += static_cast<std::int64_t>(count);
                                     said_ = false;
                                 } else {
                                     dropped_ += static_cast<std::int64_t>(count);
                                     if (!std::exchange(said_, true))
                                         log::warning("numbers about running jobs are not kept: {}",
                                                      stored.error().message);
                                 }
                                 if (!waiting_.empty())
                                     timer_.start(waiting_.size() >= most_at_once ? Milliseconds{1} : every);
                             });
}

void SampleDesk::add_figures(figures::Families& families) const {
    families.push_back(figures::counter("windlass_samples_stored_total", "Numbers about running attempts that are kept",
                                        static_cast<double>(stored_)));
    families.push_back(figures::counter("windlass_samples_dropped_total",
                                        "Numbers about attempts beyond a bound, about none that runs, or not written",
                                        static_cast<double>(dropped_)));
    families.push_back(figures::gauge("windlass_samples_waiting", "Numbers about attempts that wait to be written",
                                      static_cast<double>(waiting_.size())));
}

}  // namespace windlass::scheduler
