#include "api/monitoring/job_measurements.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/monitoring/change_points.h"
#include "api/monitoring/sample_intervals.h"
#include "api/rfc3339.h"

namespace windlass::api {
namespace {

constexpr std::int64_t running_shows_s = 3'600;

metrics::Interval interval_of(const ShownTime& time) {
    return {time.from_s * 1000, time.to_s * 1000 + 999};
}

bool parts_apart(const MetricsQuestion& question) {
    return question.node && question.metric.type != "node" && question.metric.separation_key == "type-id";
}

// A field of CSV; quoted where it has to be.
void put_csv(std::string& out, std::string_view field) {
    if (field.find_first_of(",\"\r\n") == std::string_view::npos) {
        out += field;
        return;
    }
    out += '"';
    for (const char c : field) {
        if (c == '"') out += '"';
        out += c;
    }
    out += '"';
}

// Mean over hosts, interval by interval, without the intervals that no host has; and where those were.
struct MeanOverHosts {
    std::vector<double> values;
    std::vector<std::size_t> cells;
};
MeanOverHosts mean_over_hosts(const MetricLines& lines, std::size_t count) {
    MeanOverHosts found;
    for (std::size_t i = 0; i < count; ++i) {
        double mean = 0, hosts = 0;
        for (const auto& [key, line] : lines)
            if (!line.cells[i].empty()) mean += (line.cells[i].mean - mean) / ++hosts;
        if (hosts == 0) continue;
        found.values.push_back(mean);
        found.cells.push_back(i);
    }
    return found;
}

}  // namespace

ShownTime shown_time(const JobMetadata& job, WallTime now) {
    const std::int64_t now_s = to_unix_us(now) / 1'000'000;
    const std::int64_t start_s = std::max<std::int64_t>(job.start_s, 0);
    if (!job.is_running) return {start_s, std::max(job.stop_s, start_s)};
    return {std::max(start_s, now_s - running_shows_s), std::max(now_s, start_s)};
}

std::string host_key(std::string_view host) {
    std::string key(host);
    for (char& c : key)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (key.ends_with('.')) key.pop_back();
    return key;
}

std::vector<std::string> hosts_of(const JobMetadata& job) {
    std::set<std::string> hosts;
    for (std::string_view rest = job.node_list; !rest.empty();) {
        const auto bar = rest.find('|');
        if (const auto name = host_key(rest.substr(0, bar)); !name.empty()) hosts.insert(name);
        rest = bar == std::string_view::npos ? std::string_view{} : rest.substr(bar + 1);
    }
    return {hosts.begin(), hosts.end()};
}

std::vector<const MetricConfig*> metrics_of(const MonitoringConfig& config, const JobMetadata& job) {
    std::vector<const MetricConfig*> found;
    const auto partition = config.partitions.find(job.partition);
    if (partition == config.partitions.end()) {
        for (const auto& metric : config.metrics) found.push_back(&metric);
        return found;
    }
    const std::vector<std::string>* guids = &partition->second.metrics;
    if (partition->second.virtual_partitions) {
        const auto hosts = hosts_of(job);
        for (const auto& [name, part] : *partition->second.virtual_partitions) {
            std::set<std::string> nodes;
            for (const auto& node : part.nodes) nodes.insert(host_key(node));
            if (hosts.empty() || !std::ranges::includes(nodes, hosts)) continue;
            guids = &part.metrics;
            break;
        }
    }
    for (const auto& guid : *guids)
        if (const auto* metric = config.find_metric(guid)) found.push_back(metric);
    return found;
}

AggFn agg_fn_of(const MetricConfig& metric) {
    return parse_agg_fn(metric.agg_fn).value_or(AggFn::mean);
}

AggFn parts_fn_of(const MetricConfig& metric) {
    const auto fn = parse_agg_fn(metric.p_thread_agg_fn);
    return fn ? *fn : agg_fn_of(metric);
}

Result<std::vector<metrics::Series>> job_series(Session& session, const JobMetadata& job,
                                                const MetricsQuestion& question) {
    metrics::SeriesQuery query{JobId{}, std::nullopt, {question.metric.measurement}};
    if (job.is_own()) {
        query.job = JobId{job.id};
        // The worker's name, spelt as NodeList and the series spell it.
        if (question.node) query.hosts = std::vector{*question.node};
    } else {
        query.hosts = question.node ? std::vector{host_key(*question.node)} : hosts_of(job);
    }
    WINDLASS_TRY(auto series, metrics::find_series(session, query));
    std::erase_if(series, [&](const metrics::Series& one) { return one.key.type != question.metric.type; });
    return series;
}

Result<MetricLines> job_lines(Session& session, const JobMetadata& job, const MetricsQuestion& question,
                              const MetricGrid& grid) {
    WINDLASS_TRY(const auto series, job_series(session, job, question));
    MetricLines lines;
    const bool apart = parts_apart(question);
    std::optional<CombinedParts> host;  // under way
    std::string hostname;
    const auto finish_host = [&] {
        if (host) lines.emplace(hostname, MetricLine{hostname, "", host->take()});
        host.reset();
    };
    MetricCells cells;
    const metrics::Series* last = nullptr;
    const auto finish_series = [&] {
        if (last == nullptr) return;
        if (apart) {
            lines.insert_or_assign(last->key.type_id, MetricLine{last->key.hostname, last->key.type_id, cells});
        } else {
            if (host && hostname != last->key.hostname) finish_host();
            if (!host) host.emplace(parts_fn_of(question.metric), grid.count);
            hostname = last->key.hostname;
            host->add(cells);
        }
        last = nullptr;
    };
    WINDLASS_TRY_STATUS(metrics::read_points(session, series, interval_of(question.time),
                                             [&](const metrics::Series& one, std::span<const metrics::Stretch> points) {
                                                 if (&one != last) {
                                                     finish_series();
                                                     cells.assign(grid.count, MetricCell{});
                                                     last = &one;
                                                 }
                                                 add_points(cells, grid, points);
                                             }));
    finish_series();
    finish_host();
    return lines;
}

Result<std::string> points_csv(Session& session, std::span<const metrics::Series> series, const ShownTime& time) {
    std::string csv, tail;
    WINDLASS_TRY_STATUS(metrics::read_points(
        session, series, interval_of(time), [&](const metrics::Series& one, std::span<const metrics::Stretch> points) {
            tail = ",value";
            for (const auto* field : {&one.key.measurement, &one.key.hostname, &one.key.type, &one.key.type_id}) {
                tail += ',';
                put_csv(tail, *field);
            }
            for (const auto& point : points)
                fmt::format_to(std::back_inserter(csv), "{},{}{}\n", time_text(from_unix_us(point.at_ms * 1000)),
                               point.mean, tail);
        }));
    return csv;
}

std::vector<std::vector<double>> quantiles_over(const MetricLines& lines, AggFn fn,
                                                const std::vector<double>& quantiles) {
    const std::size_t count = lines.empty() ? 0 : lines.begin()->second.cells.size();
    std::vector<std::vector<double>> found(quantiles.size(), std::vector<double>(count, std::nan("")));
    std::vector<double> values;
    for (std::size_t i = 0; i < count; ++i) {
        values.clear();
        for (const auto& [key, line] : lines)
            if (!line.cells[i].empty()) values.push_back(line.cells[i].value(fn));
        if (values.empty()) continue;
        std::ranges::sort(values);
        for (std::size_t q = 0; q < quantiles.size(); ++q) found[q][i] = quantile_of(values, quantiles[q]);
    }
    return found;
}

Result<std::vector<JobMetadataData>> job_statistics(Session& session, const JobMetadata& job,
                                                    const MonitoringConfig& config, WallTime now) {
    ShownTime time = shown_time(job, now);
    if (job.is_running) time.from_s = std::max<std::int64_t>(job.start_s, 0);  // all of it
    std::vector<JobMetadataData> all;
    for (const MetricConfig* metric : metrics_of(config, job)) {
        const auto intervals = sample_intervals(time.duration_s(), sample_interval_s(*metric));
        const auto grid = MetricGrid::over(time.from_s, time.to_s, intervals.best_s);
        WINDLASS_TRY(const auto lines, job_lines(session, job, {*metric, time, std::nullopt}, grid));
        const auto over_hosts = mean_over_hosts(lines, grid.count);
        if (over_hosts.values.empty()) continue;
        JobMetadataData data;
        data.config = *metric;
        data.max = -std::numeric_limits<double>::infinity();
        double count = 0;
        for (const auto& [key, line] : lines) {
            for (const auto& cell : line.cells) {
                if (cell.empty()) continue;
                count += cell.points;
                data.mean += (cell.mean - data.mean) * (cell.points / count);
                data.max = std::max(data.max, cell.max);
            }
        }
        for (const std::size_t at : change_points(over_hosts.values))
            data.change_points.push_back(from_unix_us(grid.at_s(over_hosts.cells[at]) * 1'000'000));
        all.push_back(std::move(data));
    }
    return all;
}

}  // namespace windlass::api
