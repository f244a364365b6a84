// GET /api/job/{id}/ and GET /api/metric/{id}/
#include <fmt/format.h>

#include <algorithm>

#include "api/front/header_text.h"
#include "api/monitoring/handlers.h"
#include "api/monitoring/metric_stream.h"
#include "api/monitoring/monitoring.h"
#include "api/monitoring/sample_intervals.h"

namespace windlass::api {
namespace {

// At intervals that the caller chose. Both bound what is in memory at a time to some 50 MB: values of all nodes, and
// intervals of one node, which may have a hundred parts.
constexpr std::size_t most_values = 1'000'000;
constexpr std::size_t most_values_of_node = 20'000;

// Nodes send their last points a little after the job has stopped.
constexpr std::int64_t points_come_within_s = 300;

// With Data, computed now if it has not been kept yet.
OrProblem<JobMetadata> job_of_path(const Call& call) {
    const auto id = call.path_id();
    if (!id) return not_found("There is no such job.");
    WINDLASS_TRY(auto job, monitored_job(call, *id));
    const WallTime now = call.app.clock.now().wall;
    if (job.is_running || !job.data.empty() || to_unix_us(now) / 1'000'000 < job.stop_s + points_come_within_s)
        return job;
    WINDLASS_TRY(const auto kept, call.app.monitoring.clusters.data_of(job));
    if (kept) return job;
    WINDLASS_TRY(job.data, Measurements(call.app.monitoring.pool).statistics(job, now));
    WINDLASS_TRY_STATUS(call.app.monitoring.clusters.keep_data(job, job.data, now));
    return job;
}

OrProblem<bool> parse_raw(std::string_view text) {
    if (text.empty() || text == "0" || equal_without_case(text, "false")) return false;
    if (text == "1" || equal_without_case(text, "true")) return true;
    return bad_field("?raw", "raw must be true or false.");
}

OrProblem<std::optional<std::int64_t>> parse_interval(std::string_view text) {
    if (text.empty()) return std::optional<std::int64_t>{};
    const auto seconds = parse_interval_s(text);
    if (!seconds) return bad_field("?sampleInterval", "sampleInterval must be a number of seconds from 1 to 86400.");
    return seconds;
}

// As NodeList spells it. Empty: all nodes.
OrProblem<std::optional<std::string>> parse_node(const JobMetadata& job, std::string_view text) {
    if (text.empty()) return std::optional<std::string>{};
    const std::string wanted = host_key(text);
    for (std::string_view rest = job.node_list; !rest.empty();) {
        const auto bar = rest.find('|');
        if (host_key(rest.substr(0, bar)) == wanted) return std::optional(std::string(rest.substr(0, bar)));
        rest = bar == std::string_view::npos ? std::string_view{} : rest.substr(bar + 1);
    }
    return bad_field("?node", "node must be one of the job's nodes.");
}

// Interval and time of the answer, from the query.
OrProblem<MetricAnswer> begin_answer(const Call& call, JobMetadata job, std::vector<MetricConfig> metrics,
                                     std::optional<std::string> node = {}) {
    MetricAnswer answer;
    WINDLASS_TRY(const auto wanted_s, parse_interval(call.query("sampleInterval")));
    answer.time = shown_time(job, call.app.clock.now().wall);
    std::int64_t metric_s = metrics.empty() ? sample_interval_s({}) : std::numeric_limits<std::int64_t>::max();
    for (const auto& metric : metrics) metric_s = std::min(metric_s, sample_interval_s(metric));
    auto intervals = sample_intervals(answer.time.duration_s(), metric_s);
    answer.interval_s = wanted_s.value_or(intervals.best_s);
    answer.intervals_s = std::move(intervals.all_s);
    const auto cells = MetricGrid::over(answer.time.from_s, answer.time.to_s, answer.interval_s).count;
    const auto values = node ? cells : cells * hosts_of(job).size();
    const auto most = node ? most_values_of_node : most_values;
    if (wanted_s && values > most)
        return bad_field(
            "?sampleInterval",
            fmt::format("sampleInterval would give {} values of each metric, more than {}: ask for longer intervals{}.",
                        values, most, node ? "" : " or for one node"));
    answer.job = std::move(job);
    answer.metrics = std::move(metrics);
    answer.node = std::move(node);
    return answer;
}

OrProblem<Reply> stream_reply(const Call& call, MetricAnswer answer) {
    WINDLASS_TRY(auto stream,
                 metric_stream(Measurements(call.app.monitoring.pool), std::move(answer), call.request.id));
    Response response;
    response.stream = std::move(stream);
    return Reply(std::move(response));
}

}  // namespace

OrProblem<Reply> show_job_data(const Call& call) {
    WINDLASS_TRY(auto job, job_of_path(call));
    WINDLASS_TRY(const bool raw, parse_raw(call.query("raw")));
    WINDLASS_TRY(auto node, parse_node(job, call.query("node")));
    WINDLASS_TRY(const auto config, Measurements(call.app.monitoring.pool).config());
    std::vector<MetricConfig> metrics;
    for (const auto* metric : metrics_of(config, job)) metrics.push_back(*metric);
    WINDLASS_TRY(auto answer, begin_answer(call, std::move(job), std::move(metrics), std::move(node)));
    answer.raw = raw;
    return stream_reply(call, std::move(answer));
}

OrProblem<Reply> show_job_metric(const Call& call) {
    WINDLASS_TRY(auto job, job_of_path(call));
    const auto guid = call.query("metric");
    if (guid.empty()) return bad_field("?metric", "metric is required: the GUID of a metric.");
    const auto fn = call.query("aggFn");
    if (fn.empty()) return bad_field("?aggFn", "aggFn is required: how values are put together, e.g. mean.");
    WINDLASS_TRY(const auto config, Measurements(call.app.monitoring.pool).config());
    const auto* metric = config.find_metric(guid);
    if (metric == nullptr) return bad_field("?metric", "metric must be the GUID of a metric of this site.");
    const auto& available = metric->available_agg_fns;
    const bool offered = available.empty() ||
                         std::ranges::any_of(available, [&](const auto& one) { return equal_without_case(one, fn); });
    if (!parse_agg_fn(fn) || !offered)
        return bad_field("?aggFn", fmt::format("aggFn must be one of this metric's: {}.",
                                               available.empty() ? "mean, max, min, sum"
                                                                 : fmt::format("{}", fmt::join(available, ", "))));
    MetricConfig shown = *metric;
    shown.agg_fn = std::string(fn);
    WINDLASS_TRY(auto answer, begin_answer(call, std::move(job), {std::move(shown)}));
    answer.whole_job = false;
    return stream_reply(call, std::move(answer));
}

}  // namespace windlass::api
