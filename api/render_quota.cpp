#include "api/render_quota.h"

#include "api/json_fields.h"

namespace windlass::api {

void write_quota(JsonWriter& json, const Quota& quota) {
    put_number_or_null(json, "queued", quota.queued);
    put_number_or_null(json, "running", quota.running);
    std::optional<std::int64_t> cpu_s;
    if (quota.cpu_per_day) cpu_s = std::chrono::duration_cast<Seconds>(*quota.cpu_per_day).count();
    put_number_or_null(json, "cpu_s_per_day", cpu_s);
    put_number_or_null(json, "stored_bytes", quota.stored_bytes);
}

void write_quota_and_usage(JsonWriter& json, const Quota& quota, const QuotaUsage& usage) {
    put_key(json, "quota");
    json.StartObject();
    write_quota(json, quota);
    json.EndObject();
    put_key(json, "usage");
    json.StartObject();
    put_number(json, "queued", usage.queued);
    put_number(json, "running", usage.running);
    put_number(json, "cpu_s_today", std::chrono::duration_cast<Seconds>(usage.cpu_today).count());
    put_number(json, "stored_bytes", usage.stored_bytes);
    json.EndObject();
}

}  // namespace windlass::api
