// /api/jobs/submit/batch/: many jobs in one request, one commit and one answer, in order.
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "api/handlers.h"
#include "api/network_permission.h"
#include "api/submission.h"
#include "api/submit_parser.h"

namespace windlass::api {
namespace {

// Of each item its problem, or nothing when it is one of the jobs that were sent, in order.
using Refusals = std::vector<std::optional<Problem>>;

Response batch_response(const Refusals& refusals, JobId first) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartArray();
    std::int64_t id = first.value;
    for (const auto& refused : refusals) {
        json.StartObject();
        if (refused) {
            json.Key("error");
            write_problem(json, *refused, {});
        } else {
            json.Key("id");
            put(json, std::to_string(id++));
        }
        json.EndObject();
    }
    json.EndArray();
    return json_response(buffer);
}

// All or nothing: the faults of all items in one problem, with the number of the item in each pointer.
Problem whole_problem(const Refusals& refusals) {
    constexpr std::size_t most = 100;
    Problem problem = make_problem(422, "");
    std::size_t bad = 0;
    for (std::size_t i = 0; i < refusals.size(); ++i) {
        if (!refusals[i]) continue;
        ++bad;
        for (const auto& error : refusals[i]->errors)
            if (problem.errors.size() < most)
                problem.errors.push_back({fmt::format("/{}{}", i, error.pointer), error.detail});
    }
    problem.detail = fmt::format("{} of {} jobs cannot be accepted, so none was.", bad, refusals.size());
    return problem;
}

OrProblem<bool> parse_all_or_nothing(const Call& call) {
    const auto text = call.query("all_or_nothing");
    if (text.empty() || text == "false" || text == "0") return false;
    if (text == "true" || text == "1") return true;
    return bad_field("?all_or_nothing", "all_or_nothing must be true or false.");
}

}  // namespace

OrProblem<Reply> submit_batch(const Call& call) {
    WINDLASS_TRY(const bool all_or_nothing, parse_all_or_nothing(call));
    WINDLASS_TRY(auto batch, parse_batch(call.request.body, call.request.header("Content-Type"), call.app.settings));
    auto refusals = std::make_shared<Refusals>();
    refusals->reserve(batch.items.size());
    Submission submission;
    for (auto& item : batch.items) {
        if (item)
            if (auto refused = network_refusal(item->spec, call.principal, call.app.settings))
                item = *std::move(refused);
        if (item) submission.add(std::move(item).value());
        refusals->push_back(item ? std::nullopt : std::optional(std::move(item).error()));
    }
    const bool any_bad = submission.size() < refusals->size();
    if (any_bad && all_or_nothing) return whole_problem(*refusals);
    if (submission.size() == 0) return Reply(batch_response(*refusals, {}));
    return std::move(submission).send(call, [refusals](JobId first) { return batch_response(*refusals, first); });
}

}  // namespace windlass::api
