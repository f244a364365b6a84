#include "api/submit_one.h"

#include <fmt/format.h>

#include <utility>

#include "api/json_fields.h"
#include "api/submission.h"
#include "api/submit_references.h"

namespace windlass::api {
namespace {

Response submitted_response(JobId job) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_text(json, "id", job.text());
    json.EndObject();
    Response response = json_response(buffer);
    response.headers.emplace_back("Location", "/api/jobs/" + job.text() + "/");
    return response;
}

}  // namespace

OrProblem<Reply> submit_one(const Call& call, UserId owner, SubmittedJob job, std::function<void(JobId)> then) {
    for (std::size_t i = 0; i < job.after.size(); ++i)
        if (!job.after[i].job)
            return bad_field(fmt::format("/after/{}/name", i),
                             "Names are for items of one batch; a single job waits for others by their ids.");
    std::vector<OrProblem<SubmittedJob>> items;
    items.emplace_back(std::move(job));
    if (!call.replay) {
        WINDLASS_TRY_STATUS(refuse_unknown_references(call, owner, items));
        if (!items.front()) return std::move(items.front()).error();
    }
    WINDLASS_TRY([[maybe_unused]] const bool stored, store_inline_files(call, owner, items));
    Submission submission(owner);
    const std::vector<std::optional<std::size_t>> by_id(items.front()->after.size());
    submission.add(std::move(items.front()).value(), by_id);
    return std::move(submission).send(call, [then = std::move(then)](const std::vector<JobId>& jobs) {
        if (then) then(jobs.front());
        return submitted_response(jobs.front());
    });
}

}  // namespace windlass::api
