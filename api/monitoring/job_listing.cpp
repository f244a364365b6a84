// GET /api/jobs, without a slash at the end: jobs of outside clusters and of our own queue in one list.
#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "api/json_fields.h"
#include "api/json_list.h"
#include "api/monitoring/handlers.h"
#include "api/monitoring/monitoring.h"
#include "shared/percent_encoding.h"

namespace windlass::api {
namespace {

constexpr int jobs_per_step = 50;
constexpr std::size_t radar_metrics = 8;  // more than a radar chart can show

// What stands behind the list: the end of a JobListData.
std::string config_part(const MonitoringConfig& config, const std::vector<JobTag>& tags) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    json.Key("RadarChartMetrics");
    json.StartArray();
    std::size_t count = 0;
    for (const auto& metric : config.metrics) {
        if (metric.type != "node" || count++ >= radar_metrics) continue;
        put(json, metric.guid);
    }
    json.EndArray();
    json.Key("Partitions");
    write_partition_configs(json, config.partitions);
    json.Key("Tags");
    json.StartArray();
    for (const auto& tag : tags) write_job_tag(json, tag);
    json.EndArray();
    json.EndObject();
    return ",\"Config\":" + std::string(text_of(buffer)) + "}";
}

// Computes Data of jobs that are over and have none kept: of so many in one answer, as each takes some milliseconds.
class MissingData {
  public:
    MissingData(Monitoring& monitoring, MonitoringConfig config, const Clock& clock)
        : monitoring_(monitoring), config_(std::move(config)), clock_(clock) {}

    Status fill(std::vector<JobMetadata>& jobs) {
        const WallTime now = clock_.now().wall;
        for (auto& job : jobs) {
            if (job.is_running || job.data_kept || left_ == 0 || !monitoring_.compute_data) continue;
            --left_;
            WINDLASS_TRY(job.data, monitoring_.compute_data(monitoring_.pool, config_, job));
            // The nodes' last measurements may still be on their way.
            if (to_unix_us(now) / 1'000'000 < job.stop_s + late_s) continue;
            WINDLASS_TRY_STATUS(monitoring_.clusters.keep_data(job, job.data, now));
        }
        return {};
    }

  private:
    static constexpr std::int64_t late_s = 120;

    Monitoring& monitoring_;
    MonitoringConfig config_;
    const Clock& clock_;
    int left_ = 50;
};

Result<std::vector<JobMetadata>> take(MonitoredFeed& feed, MonitoredJobs& jobs, MissingData& missing, int most) {
    std::vector<JobMetadata> taken;
    while (taken.size() < static_cast<std::size_t>(most)) {
        WINDLASS_TRY(auto job, feed.next());
        if (!job) break;
        taken.push_back(*std::move(job));
    }
    WINDLASS_TRY_STATUS(jobs.add_details(taken));
    WINDLASS_TRY_STATUS(missing.fill(taken));
    return taken;
}

std::string next_page(const Call& call, const JobMetadata& last) {
    const ListPosition position{last.start_s, last.id, last.cluster_id};
    std::string link = "/api/jobs?cursor=" + percent_encoded(position.text());
    for (const auto& [key, value] : call.request.query)
        if (key != "cursor") link += "&" + percent_encoded(key) + "=" + percent_encoded(value);
    return "<" + link + ">; rel=\"next\"";
}

}  // namespace

OrProblem<Reply> list_monitored_jobs(const Call& call) {
    auto& monitoring = call.app.monitoring;
    WINDLASS_TRY(const auto query, parse_monitored_query(call));
    const auto by = MonitoredBy::of(call.principal);
    WINDLASS_TRY(const auto config, monitoring.config());
    WINDLASS_TRY(const auto tags, monitoring.tags.visible(by));
    const int batch = std::min(query.limit.value_or(jobs_per_step) + 1, jobs_per_step);
    MonitoredFeed feed(monitoring.jobs, by, query.filter, query.after, batch);
    const ListFrame frame{"{\"Jobs\":", config_part(config, tags)};
    MissingData missing(monitoring, config, call.app.clock);
    std::deque<JobMetadata> ready;
    std::vector<std::pair<std::string, std::string>> headers;
    if (query.limit) {
        WINDLASS_TRY(auto page, take(feed, monitoring.jobs, missing, *query.limit));
        WINDLASS_TRY(const auto more, feed.next());
        if (more) headers.emplace_back("Link", next_page(call, page.back()));
        ready.assign(std::make_move_iterator(page.begin()), std::make_move_iterator(page.end()));
    }
    auto step = [&jobs = monitoring.jobs, feed = std::move(feed), missing = std::move(missing),
                 ready = std::move(ready),
                 page_only = query.limit.has_value()](JsonWriter& json) mutable -> Result<bool> {
        if (ready.empty() && !page_only) {
            WINDLASS_TRY(auto some, take(feed, jobs, missing, jobs_per_step));
            ready.assign(std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
        }
        if (ready.empty()) return false;
        write_job_metadata(json, ready.front());
        ready.pop_front();
        return true;
    };
    return list_reply(call, std::move(step), std::move(headers), frame);
}

}  // namespace windlass::api
