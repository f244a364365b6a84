// The metrics of the site, for handlers. Cheap to copy; the pool outlives it. Threads: any; each call borrows one
// session.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/monitoring/job_measurements.h"
#include "shared/database/session_pool.h"
#include "shared/metrics/metric_point.h"

namespace windlass::api {

class Measurements {
  public:
    explicit Measurements(SessionPool& pool) : pool_(pool) {}

    // Committed when it returns. Failures as of metrics::append().
    Status add(const std::vector<metrics::MetricPoint>& points);

    Result<MonitoringConfig> config();

    // See job_measurements.h.
    Result<MetricLines> lines(const JobMetadata& job, const MetricsQuestion& question, const MetricGrid& grid);
    Result<std::vector<metrics::Series>> series(const JobMetadata& job, const MetricsQuestion& question);
    Result<std::string> csv(std::span<const metrics::Series> series, const ShownTime& time);
    Result<std::vector<JobMetadataData>> statistics(const JobMetadata& job, WallTime now);

  private:
    SessionPool& pool_;
};

}  // namespace windlass::api
