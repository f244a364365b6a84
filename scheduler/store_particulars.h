// What stands in tables of its own beside a job, flat: one row each. The same for every store. Internal to the stores.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/store.h"

namespace windlass::scheduler {

struct TagRow {
    std::string tag;
    UserId owner;
    JobId job;
};
std::vector<TagRow> tags_of(const std::vector<JobRecord>& jobs);

struct DependencyRow {
    JobId job;
    JobId after;
    DependencyCondition condition = DependencyCondition::ok;
};
std::vector<DependencyRow> dependencies_of(const std::vector<JobRecord>& jobs);

std::vector<ChangeArray> arrays_of(const std::vector<JobRecord>& jobs);

// So many parameter objects stand in one row, as a JSON array.
inline constexpr std::int64_t params_per_row = 1000;
struct ParamsRow {
    JobId array;
    std::int64_t first = 0;
    std::string params;
};
std::vector<ParamsRow> params_of(const std::vector<JobRecord>& jobs);
// The objects of such an array, as text.
Result<std::vector<std::string>> split_params(std::string_view json);

struct ScheduleRow {
    std::int64_t schedule = 0;
    WallTime planned{};
    JobId job;
};
// The last moment of each schedule.
std::vector<ScheduleRow> schedules_of(const std::vector<JobRecord>& jobs);

// How many jobs of an owner refer to a content: one row per owner and content.
struct BlobUse {
    UserId owner;
    std::string sha256;
    WallTime since{};
    std::int64_t jobs = 0;
};
std::vector<BlobUse> blob_uses_of(const std::vector<JobRecord>& jobs);
// Each content that one job refers to, once: its code, its data, its input files.
std::vector<std::string> blobs_of(const std::string& code_sha256, const std::string& data_sha256, const JobSpec& spec);

struct ResultBlob {
    std::string sha256;
    std::int64_t results = 0;
};
std::vector<ResultBlob> result_blobs_of(const std::vector<ResultRecord>& results);

// Of a KeyRecord whose jobs are not numbered one after the other (arrays among them): all of them, as JSON; else null.
std::optional<std::string> ids_of_key(const KeyRecord& key);
Result<std::vector<JobId>> jobs_of_key(std::int64_t first, std::int64_t count, const std::optional<std::string>& ids);

// What the user's own row says counts, kind by kind; what it leaves open is as the tier says.
Quota overridden(const Quota& own, const Quota& tier);

// The state of a member that has no row, when its array stands so.
constexpr JobState state_of_unstarted(JobState array) {
    if (!is_final(array)) return array == JobState::blocked ? JobState::blocked : JobState::queued;
    return array == JobState::timed_out ? JobState::timed_out : JobState::cancelled;
}

}  // namespace windlass::scheduler
