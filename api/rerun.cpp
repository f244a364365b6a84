// POST /api/jobs/{id}/rerun/: the same job again, as a new one, with what the body changes. Of an array also only the
// members that failed; of a member, that one as a job of its own.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "api/blobs_repository.h"
#include "api/field_reader.h"
#include "api/find_job.h"
#include "api/handlers.h"
#include "api/job_parameters.h"
#include "api/submit_one.h"

namespace windlass::api {
namespace {

using Params = std::vector<std::map<std::string, std::string>>;
constexpr const char* index_variable = "WINDLASS_ARRAY_INDEX";

// What the new job's views point into.
struct Kept {
    rapidjson::Document body;
    std::string code;
    std::string data;
};

OrProblem<std::string> payload(const Call& call, const std::string& sha256) {
    if (sha256.empty()) return std::string();
    WINDLASS_TRY(auto bytes, call.app.blobs.bytes(sha256));
    if (!bytes) return make_problem(409, "The code or data of this job is no longer kept; submit it anew.");
    return *std::move(bytes);
}

Result<std::map<std::string, std::string>> strings_of(const std::string& object) {
    std::map<std::string, std::string> map;
    if (object.empty()) return map;
    WINDLASS_TRY(const auto document, parse_json(object));
    if (!document.IsObject()) return make_error(ErrorKind::internal, "an environment is stored as a JSON object");
    for (const auto& member : document.GetObject())
        if (member.value.IsString()) map.emplace(text_of(member.name), text_of(member.value));
    return map;
}

Result<Params> params_of(const Call& call, JobId array, std::int64_t first, std::int64_t last) {
    WINDLASS_TRY(const auto texts, call.app.relations.params(array, first, last));
    Params params;
    params.reserve(texts.size());
    for (const auto& text : texts) {
        WINDLASS_TRY(auto own, strings_of(text));
        params.push_back(std::move(own));
    }
    return params;
}

// The job as it was submitted. Its own dependencies and times are over; they are not taken along.
OrProblem<SubmittedJob> base_of(const Call& call, const JobView& view, const Relations& relations, Kept& kept) {
    SubmittedJob job;
    job.spec = view.spec;
    job.spec.name = view.line.name;
    job.spec.not_before.reset();
    job.spec.deadline.reset();
    if (!relations.queue.empty()) job.spec.queue = relations.queue;
    WINDLASS_TRY(job.spec.env, strings_of(view.env_json));
    WINDLASS_TRY(kept.code, payload(call, relations.code_sha256));
    WINDLASS_TRY(kept.data, payload(call, relations.data_sha256));
    job.code = kept.code;
    job.data = kept.data;
    job.rerun_of = view.line.id;
    if (const auto& array = relations.array) {
        job.array.count = array->count;
        job.array.max_fails = array->max_fails;
        WINDLASS_TRY(job.array.params, params_of(call, array->id, 0, array->count - 1));
    }
    return job;
}

// A member alone sees what it saw as a member.
Status become_single(const Call& call, const ArrayView& array, SubmittedJob& job) {
    const std::int64_t number = array.number_of(job.rerun_of);
    job.spec.env["WINDLASS_ARRAY_ID"] = array.id.text();
    job.spec.env[index_variable] = std::to_string(number);
    job.spec.env["WINDLASS_ARRAY_COUNT"] = std::to_string(array.count);
    WINDLASS_TRY(const auto params, params_of(call, array.id, number, number));
    for (const auto& own : params)
        for (const auto& [name, value] : own) job.spec.env[name] = value;
    return Status();
}

// The numbers of the members that ended otherwise than succeeded or cancelled, in order.
Result<std::vector<std::int64_t>> failed_members(const Call& call, const ArrayView& array) {
    constexpr int per_step = 1'000, scanned_per_step = 100'000;
    std::vector<std::int64_t> numbers;
    for (const auto state : {JobState::failed, JobState::timed_out, JobState::lost}) {
        for (JobId at = array.id; at < array.member(array.count - 1) && numbers.size() <= most_array_params;) {
            WINDLASS_TRY(const auto step, call.app.relations.members_in(array, state, at, per_step, scanned_per_step));
            at = JobId{step.cursor};
            for (const auto& member : step.matches) numbers.push_back(array.number_of(member.line.id));
        }
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

// Only those, under the indexes they had.
OrProblem<bool> keep_failed(const Call& call, const ArrayView& array, SubmittedJob& job) {
    WINDLASS_TRY(const auto numbers, failed_members(call, array));
    if (numbers.empty()) return make_problem(422, "No member of this array has failed.");
    if (numbers.size() > most_array_params)
        return make_problem(422, fmt::format("More than {} members failed; rerun the whole array.", most_array_params));
    Params params;
    params.reserve(numbers.size());
    for (const std::int64_t number : numbers) {
        auto& own = params.emplace_back();
        if (std::cmp_less(number, job.array.params.size())) own = job.array.params[static_cast<std::size_t>(number)];
        own.emplace(index_variable, std::to_string(number));
    }
    job.array.count = static_cast<std::int64_t>(params.size());
    job.array.params = std::move(params);
    return true;
}

OrProblem<rapidjson::Document> parse_changes(const std::string& body) {
    if (body.find_first_not_of(" \t\r\n") != std::string::npos) return parse_object(body);
    rapidjson::Document none;
    none.SetObject();
    return none;
}

}  // namespace

OrProblem<Reply> rerun_job(const Call& call) {
    WINDLASS_TRY(const auto id, path_job(call));
    Kept kept;
    WINDLASS_TRY(kept.body, parse_changes(call.request.body));
    WINDLASS_TRY(const auto view, visible_job(call, id));
    WINDLASS_TRY(const auto relations, call.app.relations.of(id));
    WINDLASS_TRY(auto base, base_of(call, view, relations, kept));
    if (relations.within) WINDLASS_TRY_STATUS(become_single(call, *relations.within, base));
    WINDLASS_TRY(auto rerun, parse_rerun(kept.body, std::move(base), call.app.settings));
    if (!rerun.only.empty()) {
        if (!relations.array) return bad_field("/only", "This job is no array.");
        WINDLASS_TRY([[maybe_unused]] const bool some, keep_failed(call, *relations.array, rerun.job));
    }
    return submit_one(call, view.owner, std::move(rerun.job));
}

}  // namespace windlass::api
