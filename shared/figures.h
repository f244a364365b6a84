// Figures of a daemon as Prometheus text: families by prometheus-cpp, names by the conventions of
// https://prometheus.io/docs/practices/naming/ (base units in the name, _total for counters).
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "shared/time.h"

namespace windlass::figures {

using prometheus::MetricFamily;
using Families = std::vector<MetricFamily>;
using Labels = std::vector<std::pair<std::string, std::string>>;

MetricFamily gauge(std::string name, std::string help, double value);
MetricFamily counter(std::string name, std::string help, double value);
// Without a value of its own: add() gives it one for each set of labels.
MetricFamily gauges(std::string name, std::string help);
MetricFamily counters(std::string name, std::string help);
void add(MetricFamily& family, const Labels& labels, double value);

// How long something took, in buckets. One thread.
class Durations {
  public:
    // `bounds_s`: of the buckets, rising. As they are: from 1 ms to 10 s, for commits of a database.
    explicit Durations(std::vector<double> bounds_s = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
                                                       10})
        : bounds_s_(std::move(bounds_s)), counts_(bounds_s_.size() + 1) {}
    void observe(Microseconds took);
    MetricFamily family(std::string name, std::string help) const;

  private:
    std::vector<double> bounds_s_;
    std::vector<std::uint64_t> counts_;
    Microseconds sum_{};
};

// What every daemon says of itself: process_* as Prometheus' own libraries name them, windlass_build_info.
void add_process(Families& families, const std::string& program);

std::string text(const Families& families);

}  // namespace windlass::figures
