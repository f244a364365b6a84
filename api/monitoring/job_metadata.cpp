#include "api/monitoring/job_metadata.h"

#include <cmath>

#include "api/json_fields.h"
#include "api/monitoring/config_fields.h"
#include "api/rfc3339.h"

namespace windlass::api {
namespace {

// JSON has neither infinity nor NaN.
void put_finite(JsonWriter& json, std::string_view key, double value) {
    put_key(json, key);
    json.Double(std::isfinite(value) ? value : 0);
}

void write_data(JsonWriter& json, const std::vector<JobMetadataData>& data) {
    json.StartArray();
    for (const auto& entry : data) {
        json.StartObject();
        json.Key("Config");
        write_metric_config(json, entry.config);
        put_finite(json, "Mean", entry.mean);
        put_finite(json, "Max", entry.max);
        json.Key("ChangePoints");
        json.StartArray();
        for (const auto at : entry.change_points) put(json, time_text(at));
        json.EndArray();
        json.EndObject();
    }
    json.EndArray();
}

Error not_ours() {
    return make_error(ErrorKind::internal, "the stored Data of a job is not of this server's making");
}

Result<JobMetadataData> read_data(const rapidjson::Value& entry) {
    if (!entry.IsObject() || !entry.HasMember("Config") || !entry["Config"].IsObject() || !entry.HasMember("Mean") ||
        !entry["Mean"].IsNumber() || !entry.HasMember("Max") || !entry["Max"].IsNumber() ||
        !entry.HasMember("ChangePoints") || !entry["ChangePoints"].IsArray())
        return not_ours();
    rapidjson::Document wrapped(rapidjson::kObjectType);
    rapidjson::Value list(rapidjson::kArrayType);
    list.PushBack(rapidjson::Value(entry["Config"], wrapped.GetAllocator()), wrapped.GetAllocator());
    wrapped.AddMember("Metrics", list, wrapped.GetAllocator());
    Faults faults;
    auto config = read_config_change(wrapped, {}, faults);
    if (faults.any() || !config.metrics) return not_ours();
    JobMetadataData data;
    data.config = std::move(config.metrics->front());
    data.mean = entry["Mean"].GetDouble();
    data.max = entry["Max"].GetDouble();
    for (const auto& point : entry["ChangePoints"].GetArray()) {
        const auto at = point.IsString() ? parse_rfc3339(text_of(point)) : std::nullopt;
        if (!at) return not_ours();
        data.change_points.push_back(*at);
    }
    return data;
}

}  // namespace

void write_job_tag(JsonWriter& json, const JobTag& tag) {
    json.StartObject();
    put_number(json, "Id", tag.id);
    put_text(json, "Name", tag.name);
    put_text(json, "Type", tag.by_admin ? "admin" : "user");
    put_text(json, "CreatedBy", tag.created_by);
    json.EndObject();
}

void write_job_metadata(JsonWriter& json, const JobMetadata& job) {
    json.StartObject();
    put_number(json, "Id", job.id);
    put_number(json, "UserId", job.user_id);
    put_text(json, "UserName", job.user_name);
    put_number(json, "GroupId", job.group_id);
    put_text(json, "GroupName", job.group_name);
    put_text(json, "ClusterId", job.cluster_id);
    put_number(json, "NumNodes", job.num_nodes);
    put_number(json, "NumTasks", job.num_tasks);
    put_number(json, "TasksPerNode", job.tasks_per_node);
    put_number(json, "GPUsPerNode", job.gpus_per_node);
    put_text(json, "NodeList", job.node_list);
    put_number(json, "StartTime", job.start_s);
    put_number(json, "StopTime", job.stop_s);
    put_flag(json, "IsRunning", job.is_running);
    put_text(json, "JobName", job.job_name);
    put_text(json, "Account", job.account);
    put_number(json, "TTL", job.ttl_s);
    put_text(json, "Partition", job.partition);
    put_text(json, "JobScript", job.job_script);
    put_number(json, "ExitCode", job.exit_code);
    json.Key("Tags");
    json.StartArray();
    for (const auto& tag : job.tags) write_job_tag(json, tag);
    json.EndArray();
    json.Key("Data");
    write_data(json, job.data);
    json.EndObject();
}

std::string encode_metadata_data(const std::vector<JobMetadataData>& data) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_data(json, data);
    return std::string(text_of(buffer));
}

Result<std::vector<JobMetadataData>> decode_metadata_data(std::string_view text) {
    WINDLASS_TRY(const auto document, parse_json(text));
    if (!document.IsArray()) return not_ours();
    std::vector<JobMetadataData> list;
    for (const auto& entry : document.GetArray()) {
        WINDLASS_TRY(auto data, read_data(entry));
        list.push_back(std::move(data));
    }
    return list;
}

}  // namespace windlass::api
