#include "api/monitoring/monitoring_config.h"

#include <algorithm>
#include <set>
#include <utility>

#include "api/json_fields.h"
#include "api/monitoring/config_fields.h"

namespace windlass::api {
namespace {

constexpr std::int64_t longest_interval_s = 86'400;

void put_texts(JsonWriter& json, std::string_view key, const std::vector<std::string>& texts) {
    put_key(json, key);
    json.StartArray();
    for (const auto& text : texts) put(json, text);
    json.EndArray();
}

void put_double(JsonWriter& json, std::string_view key, double value) {
    put_key(json, key);
    json.Double(value);
}

// Every host of `node_list` is in `nodes`; no host at all is not.
bool runs_within(std::string_view node_list, const std::vector<std::string>& nodes) {
    const std::set<std::string_view> known(nodes.begin(), nodes.end());
    if (node_list.empty()) return false;
    while (true) {
        const auto bar = node_list.find('|');
        if (!known.contains(node_list.substr(0, bar))) return false;
        if (bar == std::string_view::npos) return true;
        node_list.remove_prefix(bar + 1);
    }
}

MetricConfig sampled(const char* guid, const char* type, const char* measurement, const char* unit, const char* name,
                     const char* category) {
    MetricConfig metric;
    metric.guid = guid;
    metric.type = type;
    metric.measurement = measurement;
    metric.agg_fn = "mean";
    metric.sample_interval = "30s";
    metric.unit = unit;
    metric.display_name = name;
    metric.separation_key = std::string_view(type) == "node" ? "hostname" : "type-id";
    metric.categories = {category};
    metric.available_agg_fns = {"mean", "max", "min", "sum"};
    return metric;
}

MonitoringConfig made_default() {
    MonitoringConfig config;
    config.metrics = {
        sampled("6b0f6d1e-53a4-4c43-9a55-0d6f0f5a3b01", "node", "cpu_used", "cores", "CPU cores used", "CPU"),
        sampled("6b0f6d1e-53a4-4c43-9a55-0d6f0f5a3b02", "node", "mem_used", "B", "Memory used", "Memory"),
        sampled("6b0f6d1e-53a4-4c43-9a55-0d6f0f5a3b03", "node", "io_read", "B/s", "Read from disk", "I/O"),
        sampled("6b0f6d1e-53a4-4c43-9a55-0d6f0f5a3b04", "node", "io_write", "B/s", "Written to disk", "I/O"),
        sampled("6b0f6d1e-53a4-4c43-9a55-0d6f0f5a3b05", "node", "processes", "", "Processes", "CPU"),
        sampled("6b0f6d1e-53a4-4c43-9a55-0d6f0f5a3b06", "accelerator", "acc_utilization", "%",
                "Accelerator utilization", "Accelerator"),
        sampled("6b0f6d1e-53a4-4c43-9a55-0d6f0f5a3b07", "accelerator", "acc_mem_used", "B", "Accelerator memory used",
                "Accelerator"),
    };
    config.metric_categories = {"CPU", "Memory", "I/O", "Accelerator"};
    PartitionConfig all;
    for (const auto& metric : config.metrics) all.metrics.push_back(metric.guid);
    config.partitions.emplace("default", std::move(all));
    return config;
}

void write_virtual_partition(JsonWriter& json, const VirtualPartition& partition) {
    json.StartObject();
    put_number(json, "MaxTime", partition.max_time_s);
    put_texts(json, "Metrics", partition.metrics);
    put_texts(json, "Nodes", partition.nodes);
    json.EndObject();
}

}  // namespace

const MetricConfig* MonitoringConfig::find_metric(std::string_view guid) const {
    const auto found = std::find_if(metrics.begin(), metrics.end(), [&](const auto& one) { return one.guid == guid; });
    return found == metrics.end() ? nullptr : &*found;
}

std::int64_t MonitoringConfig::max_time_s(std::string_view partition, std::string_view node_list) const {
    const auto found = partitions.find(std::string(partition));
    if (found == partitions.end()) return 0;
    if (found->second.virtual_partitions)
        for (const auto& [name, part] : *found->second.virtual_partitions)
            if (part.max_time_s > 0 && runs_within(node_list, part.nodes)) return part.max_time_s;
    return found->second.max_time_s;
}

std::optional<std::int64_t> parse_interval_s(std::string_view text) {
    std::int64_t total = 0;
    bool any = false;
    while (!text.empty()) {
        std::int64_t number = 0;
        std::size_t digits = 0;
        while (digits < text.size() && digits < 6 && text[digits] >= '0' && text[digits] <= '9')
            number = number * 10 + (text[digits++] - '0');
        if (digits == 0) return std::nullopt;
        text.remove_prefix(digits);
        std::int64_t unit = 1;
        if (!text.empty()) {
            if (text.front() == 'h')
                unit = 3'600;
            else if (text.front() == 'm')
                unit = 60;
            else if (text.front() != 's')
                return std::nullopt;
            text.remove_prefix(1);
        }
        total += number * unit;
        any = true;
    }
    return any && total >= 1 && total <= longest_interval_s ? std::optional(total) : std::nullopt;
}

std::int64_t sample_interval_s(const MetricConfig& metric) {
    return parse_interval_s(metric.sample_interval).value_or(30);
}

const MonitoringConfig& default_monitoring_config() {
    static const MonitoringConfig config = made_default();
    return config;
}

void write_metric_config(JsonWriter& json, const MetricConfig& metric) {
    json.StartObject();
    for (const auto& [key, member] : metric_texts) put_text(json, key, metric.*member);
    for (const auto& [key, member] : metric_lists) put_texts(json, key, metric.*member);
    for (const auto& [key, member] : metric_numbers) put_double(json, key, metric.*member);
    json.EndObject();
}

void write_partition_configs(JsonWriter& json, const std::map<std::string, PartitionConfig>& partitions) {
    json.StartObject();
    for (const auto& [name, partition] : partitions) {
        put_key(json, name);
        json.StartObject();
        put_number(json, "MaxTime", partition.max_time_s);
        put_texts(json, "Metrics", partition.metrics);
        json.Key("VirtualPartitions");
        if (partition.virtual_partitions) {
            json.StartObject();
            for (const auto& [part_name, part] : *partition.virtual_partitions) {
                put_key(json, part_name);
                write_virtual_partition(json, part);
            }
            json.EndObject();
        } else {
            json.Null();
        }
        json.EndObject();
    }
    json.EndObject();
}

void write_monitoring_config(JsonWriter& json, const MonitoringConfig& config) {
    json.StartObject();
    json.Key("Metrics");
    json.StartArray();
    for (const auto& metric : config.metrics) write_metric_config(json, metric);
    json.EndArray();
    json.Key("Partitions");
    write_partition_configs(json, config.partitions);
    put_texts(json, "MetricCategories", config.metric_categories);
    json.EndObject();
}

Result<MonitoringConfig> parse_stored_config(std::string_view text) {
    WINDLASS_TRY(const auto document, parse_json(text));
    if (!document.IsObject()) return make_error(ErrorKind::internal, "monitoring_config.document is no object");
    Faults faults;
    const ConfigChange stored = read_config_change(document, {}, faults);
    if (faults.any()) return make_error(ErrorKind::internal, "monitoring_config.document is not one of this server's");
    MonitoringConfig config;
    config.metrics = stored.metrics.value_or(config.metrics);
    config.partitions = stored.partitions.value_or(config.partitions);
    config.metric_categories = stored.metric_categories.value_or(config.metric_categories);
    return config;
}

Result<VersionedConfig> load_monitoring_config(Session& session) {
    WINDLASS_TRY(const auto rows, session.query("select version, document from monitoring_config where id = 1"));
    if (rows.empty()) return VersionedConfig{default_monitoring_config(), 0};
    VersionedConfig loaded;
    loaded.version = rows.front().integer(0);
    WINDLASS_TRY(loaded.config, parse_stored_config(rows.front().text(1)));
    return loaded;
}

Status store_monitoring_config(Session& session, const VersionedConfig& changed, WallTime now) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_monitoring_config(json, changed.config);
    const std::string document(text_of(buffer));
    // Whoever comes second finds the row, or another version in it.
    auto stored = changed.version == 0
                      ? session.execute(
                            "insert into monitoring_config (id, version, document, changed_us) values (1, 1, "
                            ":document, :now) on conflict (id) do nothing",
                            document, to_unix_us(now))
                      : session.execute(
                            "update monitoring_config set version = version + 1, document = :document, changed_us = "
                            ":now where id = 1 and version = :version",
                            document, to_unix_us(now), changed.version);
    if (!stored) return std::move(stored).error();
    if (*stored == 0) return make_error(ErrorKind::conflict, "The configuration was changed at the same moment.");
    return {};
}

}  // namespace windlass::api
