#include "scheduler/store_particulars.h"

#include <algorithm>
#include <map>
#include <set>

#include "scheduler/store_text.h"
#include "shared/json.h"

namespace windlass::scheduler {

std::vector<TagRow> tags_of(const std::vector<JobRecord>& jobs) {
    std::vector<TagRow> rows;
    for (const JobRecord& job : jobs)
        for (const std::string& tag : job.spec.tags) rows.push_back({tag, job.owner, job.job});
    return rows;
}

std::vector<DependencyRow> dependencies_of(const std::vector<JobRecord>& jobs) {
    std::vector<DependencyRow> rows;
    for (const JobRecord& job : jobs)
        for (const Dependency& after : job.after) rows.push_back({job.job, after.job, after.condition});
    return rows;
}

std::vector<ChangeArray> arrays_of(const std::vector<JobRecord>& jobs) {
    std::vector<ChangeArray> rows;
    for (const JobRecord& job : jobs)
        if (job.array) rows.push_back({job.job, *job.array});
    return rows;
}

std::vector<ParamsRow> params_of(const std::vector<JobRecord>& jobs) {
    std::vector<ParamsRow> rows;
    for (const JobRecord& job : jobs) {
        for (std::size_t i = 0; i < job.params.size(); ++i) {
            if (i % params_per_row == 0)
                rows.push_back({job.job, static_cast<std::int64_t>(i), "["});
            else
                rows.back().params += ',';
            rows.back().params += storable(job.params[i]);
            if ((i + 1) % params_per_row == 0 || i + 1 == job.params.size()) rows.back().params += ']';
        }
    }
    return rows;
}

Result<std::vector<std::string>> split_params(std::string_view json) {
    WINDLASS_TRY(const auto document, parse_json(json));
    if (!document.IsArray())
        return make_error(ErrorKind::internal, "the parameters of an array are not stored as JSON");
    std::vector<std::string> params;
    params.reserve(document.Size());
    for (const auto& object : document.GetArray()) {
        rapidjson::StringBuffer buffer;
        JsonWriter writer(buffer);
        object.Accept(writer);
        params.emplace_back(text_of(buffer));
    }
    return params;
}

std::vector<ScheduleRow> schedules_of(const std::vector<JobRecord>& jobs) {
    std::map<std::int64_t, ScheduleRow> rows;
    for (const JobRecord& job : jobs) {
        if (job.schedule == 0 || !job.planned) continue;
        ScheduleRow& row = rows[job.schedule];
        if (row.job && row.planned > *job.planned) continue;
        row = {job.schedule, *job.planned, job.job};
    }
    std::vector<ScheduleRow> list;
    for (const auto& [schedule, row] : rows) list.push_back(row);
    return list;
}

std::vector<std::string> blobs_of(const std::string& code_sha256, const std::string& data_sha256, const JobSpec& spec) {
    std::vector<std::string> blobs;
    const auto add = [&](const std::string& sha256) {
        if (!sha256.empty() && std::ranges::find(blobs, sha256) == blobs.end()) blobs.push_back(sha256);
    };
    add(code_sha256);
    add(data_sha256);
    for (const auto& [path, sha256] : spec.files) add(sha256);
    return blobs;
}

std::vector<BlobUse> blob_uses_of(const std::vector<JobRecord>& jobs) {
    std::map<std::pair<UserId, std::string>, std::size_t> known;
    std::vector<BlobUse> uses;
    for (const JobRecord& job : jobs) {
        for (std::string& sha256 : blobs_of(job.code_sha256, job.data_sha256, job.spec)) {
            const auto [place, first] = known.emplace(std::pair(job.owner, sha256), uses.size());
            if (first) uses.push_back({job.owner, std::move(sha256), job.submitted, 0});
            ++uses[place->second].jobs;
        }
    }
    return uses;
}

std::vector<ResultBlob> result_blobs_of(const std::vector<ResultRecord>& results) {
    std::map<std::string, std::int64_t> counts;
    for (const ResultRecord& record : results) {
        std::set<std::string_view> once;
        for (const ResultFile& file : record.result.files)
            if (file.stored && once.insert(file.sha256).second) ++counts[file.sha256];
    }
    std::vector<ResultBlob> rows;
    for (const auto& [sha256, results_with_it] : counts) rows.push_back({sha256, results_with_it});
    return rows;
}

std::optional<std::string> ids_of_key(const KeyRecord& key) {
    std::int64_t next = key.jobs.empty() ? 0 : key.jobs.front().value;
    if (std::ranges::all_of(key.jobs, [&](JobId job) { return job.value == next++; })) return std::nullopt;
    std::string ids = "[";
    for (const JobId job : key.jobs) ids += (ids.size() > 1 ? "," : "") + job.text();
    return ids + "]";
}

Result<std::vector<JobId>> jobs_of_key(std::int64_t first, std::int64_t count, const std::optional<std::string>& ids) {
    std::vector<JobId> jobs;
    if (!ids) {
        for (std::int64_t i = 0; i < count; ++i) jobs.push_back(JobId{first + i});
        return jobs;
    }
    WINDLASS_TRY(const auto document, parse_json(*ids));
    if (!document.IsArray()) return make_error(ErrorKind::internal, "the jobs of a key are not stored as JSON");
    for (const auto& id : document.GetArray()) {
        if (!id.IsInt64()) return make_error(ErrorKind::internal, "the jobs of a key are not stored as numbers");
        jobs.push_back(JobId{id.GetInt64()});
    }
    return jobs;
}

Quota overridden(const Quota& own, const Quota& tier) {
    return {own.queued ? own.queued : tier.queued, own.running ? own.running : tier.running,
            own.cpu_per_day ? own.cpu_per_day : tier.cpu_per_day,
            own.stored_bytes ? own.stored_bytes : tier.stored_bytes};
}

}  // namespace windlass::scheduler
