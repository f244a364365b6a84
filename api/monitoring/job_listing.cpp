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

Result<std::vector<JobMetadata>> take(MonitoredFeed& feed, MonitoredJobs& jobs, int most) {
    std::vector<JobMetadata> taken;
    while (taken.size() < static_cast<std::size_t>(most)) {
        WINDLASS_TRY(auto job, feed.next());
        if (!job) break;
        taken.push_back(*std::move(job));
    }
    WINDLASS_TRY_STATUS(jobs.add_details(taken));
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
    std::deque<JobMetadata> ready;
    std::vector<std::pair<std::string, std::string>> headers;
    if (query.limit) {
        WINDLASS_TRY(auto page, take(feed, monitoring.jobs, *query.limit));
        WINDLASS_TRY(const auto more, feed.next());
        if (more) headers.emplace_back("Link", next_page(call, page.back()));
        ready.assign(std::make_move_iterator(page.begin()), std::make_move_iterator(page.end()));
    }
    auto step = [&jobs = monitoring.jobs, feed = std::move(feed), ready = std::move(ready),
                 page_only = query.limit.has_value()](JsonWriter& json) mutable -> Result<bool> {
        if (ready.empty() && !page_only) {
            WINDLASS_TRY(auto some, take(feed, jobs, jobs_per_step));
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
