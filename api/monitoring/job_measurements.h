// What was measured of one job, put together as the monitoring family shows it.
//
// Of our own jobs these are the series with the job's number; of an outside cluster's the series of the hosts in its
// NodeList between StartTime and StopTime. Host names are compared in lower case. A running job shows its last hour.
// Blocking; one session for as long as a call takes.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/monitoring/job_metadata.h"
#include "api/monitoring/metric_grid.h"
#include "api/monitoring/monitoring_config.h"
#include "shared/database/session.h"
#include "shared/metrics/metric_query.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

// Unix seconds, both ends part of it.
struct ShownTime {
    std::int64_t from_s = 0;
    std::int64_t to_s = 0;

    std::int64_t duration_s() const { return to_s - from_s; }
};
ShownTime shown_time(const JobMetadata& job, WallTime now);

// Hosts of the job in lower case, ascending, each once.
std::vector<std::string> hosts_of(const JobMetadata& job);
std::string host_key(std::string_view host);

// The metrics of the job's partition, or of the virtual partition that holds all its nodes; those of the whole
// configuration when the partition is not configured. Pointers into `config`.
std::vector<const MetricConfig*> metrics_of(const MonitoringConfig& config, const JobMetadata& job);

// How the points of an interval become one value, and how the parts of a node do.
AggFn agg_fn_of(const MetricConfig& metric);  // AggFn; mean where it names none
// PThreadAggFn; where it names none, AggFn.
AggFn parts_fn_of(const MetricConfig& metric);

// One line of a diagram: a host, or a part of one.
struct MetricLine {
    std::string hostname;
    std::string type_id;  // empty: the host as a whole
    MetricCells cells;
};
// By key: the host's name, or the type-id.
using MetricLines = std::map<std::string, MetricLine>;

// Which points of a metric, and how they are put together.
struct MetricsQuestion {
    MetricConfig metric;
    ShownTime time;
    // One host alone; its parts are kept apart where the metric's SeparationKey is "type-id". Nothing: all hosts, each
    // as a whole.
    std::optional<std::string> node;
};

Result<MetricLines> job_lines(Session& session, const JobMetadata& job, const MetricsQuestion& question,
                              const MetricGrid& grid);

// The series of the question, and the points of some of them as CSV (RFC 4180, "\n" between lines):
// _time,_value,_field,_measurement,hostname,type,type-id. A point that has grown old is the mean of several.
inline constexpr std::string_view points_csv_header = "_time,_value,_field,_measurement,hostname,type,type-id\n";
Result<std::vector<metrics::Series>> job_series(Session& session, const JobMetadata& job,
                                                const MetricsQuestion& question);
Result<std::string> points_csv(Session& session, std::span<const metrics::Series> series, const ShownTime& time);

// The quantiles over hosts, interval by interval; NaN where no host has a value. In the order of `quantiles`.
std::vector<std::vector<double>> quantiles_over(const MetricLines& lines, AggFn fn,
                                                const std::vector<double>& quantiles);

// JobMetadata.Data: of each of the job's metrics that has points the mean over hosts and time, the highest value of a
// host, and the times at which the mean over hosts changes its level (change_points.h).
Result<std::vector<JobMetadataData>> job_statistics(Session& session, const JobMetadata& job,
                                                    const MonitoringConfig& config, WallTime now);

}  // namespace windlass::api
