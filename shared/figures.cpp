#include "shared/figures.h"

#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <sstream>

namespace windlass::figures {
namespace {

using prometheus::MetricType;

MetricFamily one(std::string name, std::string help, MetricType type, double value) {
    MetricFamily family{std::move(name), std::move(help), type, {}};
    add(family, {}, value);
    return family;
}

double resident_bytes() {
    long size = 0, resident = 0;
    if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
        if (std::fscanf(file, "%ld %ld", &size, &resident) != 2) resident = 0;
        std::fclose(file);
    }
    return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double open_files() {
    std::error_code failed;
    const auto files = std::filesystem::directory_iterator("/proc/self/fd", failed);
    return failed ? 0 : static_cast<double>(std::distance(begin(files), end(files)) - 1);  // less the look itself
}

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

const double started_s = static_cast<double>(to_unix_us(SystemClock().now().wall)) / 1e6;

}  // namespace

MetricFamily gauge(std::string name, std::string help, double value) {
    return one(std::move(name), std::move(help), MetricType::Gauge, value);
}
MetricFamily counter(std::string name, std::string help, double value) {
    return one(std::move(name), std::move(help), MetricType::Counter, value);
}
MetricFamily gauges(std::string name, std::string help) {
    return {std::move(name), std::move(help), MetricType::Gauge, {}};
}
MetricFamily counters(std::string name, std::string help) {
    return {std::move(name), std::move(help), MetricType::Counter, {}};
}

void add(MetricFamily& family, const Labels& labels, double value) {
    prometheus::ClientMetric metric;
    for (const auto& [name, text] : labels) metric.label.push_back({name, text});
    if (family.type == MetricType::Counter)
        metric.counter.value = value;
    else
        metric.gauge.value = value;
    family.metric.push_back(std::move(metric));
}

void Durations::observe(Microseconds took) {
    const double s = static_cast<double>(took.count()) / 1e6;
    ++counts_[static_cast<std::size_t>(std::lower_bound(bounds_s_.begin(), bounds_s_.end(), s) - bounds_s_.begin())];
    sum_ += took;
}

MetricFamily Durations::family(std::string name, std::string help) const {
    prometheus::ClientMetric metric;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        metric.histogram.sample_count += counts_[i];
        metric.histogram.bucket.push_back(
            {metric.histogram.sample_count,
             i < bounds_s_.size() ? bounds_s_[i] : std::numeric_limits<double>::infinity()});
    }
    metric.histogram.sample_sum = static_cast<double>(sum_.count()) / 1e6;
    return {std::move(name), std::move(help), MetricType::Histogram, {std::move(metric)}};
}

void add_process(Families& families, const std::string& program) {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    families.push_back(counter("process_cpu_seconds_total", "Processor time of this process",
                               seconds(usage.ru_utime) + seconds(usage.ru_stime)));
    families.push_back(gauge("process_resident_memory_bytes", "Memory of this process", resident_bytes()));
    families.push_back(gauge("process_open_fds", "Open descriptors of this process", open_files()));
    families.push_back(
        gauge("process_start_time_seconds", "When this process was started, in seconds since 1970", started_s));
    MetricFamily build = gauges("windlass_build_info", "1, with the program and its version as labels");
    add(build, {{"program", program}, {"version", WINDLASS_VERSION}}, 1);
    families.push_back(std::move(build));
}

std::string text(const Families& families) {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families);
    return out.str();
}

}  // namespace windlass::figures
