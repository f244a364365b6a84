// The configuration of the monitoring family: which metrics there are and how they are shown, and what the partitions
// of the site's clusters allow. One JSON document in one row with a version (table monitoring_config), read by each
// request that needs it: a change is live at once in all api processes. Until somebody changes it there is no row, and
// default_monitoring_config() holds.
//
// Values are copied and have no owner. Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/database/session.h"
#include "shared/json.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

// One metric. The words are those of the contract, which took them from its clients: filter_func, post_query_op,
// separation_key and p_thread_agg_fn are kept and given back, and mean something to the web front end alone.
struct MetricConfig {
    std::string guid;             // made by this server, never changed
    std::string type;             // "node", "socket", "cpu" or "accelerator"
    std::string measurement;      // as samples name it (SeriesKey::measurement)
    std::string agg_fn;           // by default: one of available_agg_fns
    std::string sample_interval;  // how often a sample comes: "30", "30s", "1m30s"; see sample_interval_s()
    std::string unit;
    std::string display_name;
    std::string filter_func;
    std::string post_query_op;
    std::string separation_key;
    std::string p_thread_agg_fn;
    std::vector<std::string> categories;
    std::vector<std::string> available_agg_fns;
    double max_per_node = 0;  // upper end of what a node can reach, for scales; 0: not known
    double max_per_type = 0;  // the same of one socket, cpu or accelerator

    bool operator==(const MetricConfig&) const = default;
};

struct VirtualPartition {
    std::int64_t max_time_s = 0;
    std::vector<std::string> metrics;  // GUIDs
    std::vector<std::string> nodes;    // host names; the jobs that run on no others are this partition's

    bool operator==(const VirtualPartition&) const = default;
};

struct PartitionConfig {
    std::int64_t max_time_s = 0;       // a job is over by then, whether anybody stopped it or not; 0: no limit
    std::vector<std::string> metrics;  // GUIDs of what is shown for its jobs
    std::optional<std::map<std::string, VirtualPartition>> virtual_partitions;  // none: null in JSON

    bool operator==(const PartitionConfig&) const = default;
};

struct MonitoringConfig {
    std::vector<MetricConfig> metrics;                  // in the order in which they are shown
    std::map<std::string, PartitionConfig> partitions;  // of outside clusters, and our own queues under their names
    std::vector<std::string> metric_categories;

    // Null: there is none. Lives as long as this.
    const MetricConfig* find_metric(std::string_view guid) const;

    // MaxTime of a job: of the virtual partition that holds all of its nodes, if that has one, else of the partition.
    // 0: no limit. `node_list`: host names with "|" between them.
    std::int64_t max_time_s(std::string_view partition, std::string_view node_list) const;

    bool operator==(const MonitoringConfig&) const = default;
};

// Seconds of MetricConfig::sample_interval; nullopt: it says none, or none from 1 s to a day.
std::optional<std::int64_t> parse_interval_s(std::string_view text);
// The same, and 30 where the text says none.
std::int64_t sample_interval_s(const MetricConfig& metric);

// What workers sample of our own jobs. The GUIDs are the same everywhere.
const MonitoringConfig& default_monitoring_config();

// The document that is stored and that GET /api/config answers, whole.
void write_monitoring_config(JsonWriter& json, const MonitoringConfig& config);
void write_metric_config(JsonWriter& json, const MetricConfig& metric);
void write_partition_configs(JsonWriter& json, const std::map<std::string, PartitionConfig>& partitions);
// Reads what write_monitoring_config() wrote. internal: somebody else wrote it.
Result<MonitoringConfig> parse_stored_config(std::string_view text);

struct VersionedConfig {
    MonitoringConfig config;
    std::int64_t version = 0;  // 0: nothing stored
};
// One query.
Result<VersionedConfig> load_monitoring_config(Session& session);
// conflict: somebody else has stored another version since `config` was read; read again, change again.
Status store_monitoring_config(Session& session, const VersionedConfig& changed, WallTime now);

}  // namespace windlass::api
