// Quotas and what is used of them, as answers show them.
#pragma once

#include "api/quotas_repository.h"
#include "shared/json.h"

namespace windlass::api {

// queued, running, cpu_s_per_day, stored_bytes; null: no limit. Members inside an open object.
void write_quota(JsonWriter& json, const Quota& quota);
// quota and usage, an object each. Members inside an open object.
void write_quota_and_usage(JsonWriter& json, const Quota& quota, const QuotaUsage& usage);

}  // namespace windlass::api
