// The configuration of the monitoring family as JSON: the names of its fields, once, and how a document or a change of
// it is read. Keys match in any case, unknown ones are ignored, null is absent (except for VirtualPartitions, where
// null and absent both mean that there are none).
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/field_reader.h"
#include "api/monitoring/monitoring_config.h"

namespace windlass::api {

inline constexpr std::array<std::pair<std::string_view, std::string MetricConfig::*>, 11> metric_texts = {{
    {"GUID", &MetricConfig::guid},
    {"Type", &MetricConfig::type},
    {"Measurement", &MetricConfig::measurement},
    {"AggFn", &MetricConfig::agg_fn},
    {"SampleInterval", &MetricConfig::sample_interval},
    {"Unit", &MetricConfig::unit},
    {"DisplayName", &MetricConfig::display_name},
    {"FilterFunc", &MetricConfig::filter_func},
    {"PostQueryOp", &MetricConfig::post_query_op},
    {"SeparationKey", &MetricConfig::separation_key},
    {"PThreadAggFn", &MetricConfig::p_thread_agg_fn},
}};
inline constexpr std::array<std::pair<std::string_view, std::vector<std::string> MetricConfig::*>, 2> metric_lists = {{
    {"Categories", &MetricConfig::categories},
    {"AvailableAggFns", &MetricConfig::available_agg_fns},
}};
inline constexpr std::array<std::pair<std::string_view, double MetricConfig::*>, 2> metric_numbers = {{
    {"MaxPerNode", &MetricConfig::max_per_node},
    {"MaxPerType", &MetricConfig::max_per_type},
}};

// What is absent stays as it is.
struct ConfigChange {
    std::optional<std::vector<MetricConfig>> metrics;  // guid empty: a new one
    std::optional<std::map<std::string, PartitionConfig>> partitions;
    std::optional<std::vector<std::string>> metric_categories;
};

// `base`: where a metric of `document` that names its GUID takes the fields from that it does not give. Each fault has
// its pointer. Which GUIDs are known is not looked at here.
ConfigChange read_config_change(const rapidjson::Value& document, const MonitoringConfig& base, Faults& faults);

}  // namespace windlass::api
