// A job as the monitoring family shows it: one that an outside cluster reported, or one of our own queue.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/monitoring/monitoring_config.h"
#include "shared/json.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

inline constexpr std::string_view own_cluster = "windlass";  // ClusterId of our own jobs

struct JobTag {
    std::int64_t id = 0;
    std::string name;
    bool by_admin = false;   // Type: "admin", else "user"
    std::string created_by;  // a username
};

// What one metric came to over the whole job.
struct JobMetadataData {
    MetricConfig config;
    double mean = 0;
    double max = 0;
    std::vector<WallTime> change_points;  // where the level of the metric changed
};

// Times are Unix seconds. Numbers that nobody reported are 0, texts "".
struct JobMetadata {
    std::int64_t id = 0;  // the cluster's own number of it; JobId of ours
    std::int64_t user_id = 0;
    std::string user_name;
    std::int64_t group_id = 0;
    std::string group_name;
    std::string cluster_id;
    std::int64_t num_nodes = 0;
    std::int64_t num_tasks = 0;
    std::int64_t tasks_per_node = 0;
    std::int64_t gpus_per_node = 0;
    std::string node_list;  // host names with "|" between them
    std::int64_t start_s = 0;
    std::int64_t stop_s = 0;  // 0 while it runs
    bool is_running = false;
    std::string job_name;
    std::string account;
    std::int64_t ttl_s = 0;  // how long it is kept after it has stopped; 0: for good
    std::string partition;
    std::string job_script;
    std::int64_t exit_code = 0;
    std::vector<JobTag> tags;
    std::vector<JobMetadataData> data;
    bool data_kept = false;  // data is what is kept beside the job; not shown

    bool is_own() const { return cluster_id == own_cluster; }
};

void write_job_tag(JsonWriter& json, const JobTag& tag);
void write_job_metadata(JsonWriter& json, const JobMetadata& job);

// JobMetadata.Data as it is kept beside a job that has stopped: one JSON text.
std::string encode_metadata_data(const std::vector<JobMetadataData>& data);
// internal: the text is none of the above.
Result<std::vector<JobMetadataData>> decode_metadata_data(std::string_view text);

}  // namespace windlass::api
