#include "api/monitoring/measurements.h"

#include "shared/metrics/metric_store.h"

namespace windlass::api {

Status Measurements::add(const std::vector<metrics::MetricPoint>& points) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY_STATUS(metrics::append(*session, points));
    return transaction.commit();
}

Result<MonitoringConfig> Measurements::config() {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto loaded, load_monitoring_config(*session));
    return std::move(loaded.config);
}

Result<MetricLines> Measurements::lines(const JobMetadata& job, const MetricsQuestion& question,
                                        const MetricGrid& grid) {
    WINDLASS_TRY(const auto session, pool_.lease());
    return job_lines(*session, job, question, grid);
}

Result<std::vector<metrics::Series>> Measurements::series(const JobMetadata& job, const MetricsQuestion& question) {
    WINDLASS_TRY(const auto session, pool_.lease());
    return job_series(*session, job, question);
}

Result<std::string> Measurements::csv(std::span<const metrics::Series> series, const ShownTime& time) {
    WINDLASS_TRY(const auto session, pool_.lease());
    return points_csv(*session, series, time);
}

Result<std::vector<JobMetadataData>> Measurements::statistics(const JobMetadata& job, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto loaded, load_monitoring_config(*session));
    return job_statistics(*session, job, loaded.config, now);
}

}  // namespace windlass::api
