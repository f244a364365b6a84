// /api/jobs/submit/batch/: many jobs in one request, one commit and one answer, in order.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "api/batch_dependencies.h"
#include "api/batch_parser.h"
#include "api/handlers.h"
#include "api/json_fields.h"
#include "api/submission.h"
#include "api/submit_references.h"

namespace windlass::api {
namespace {

// Of each item its problem, or nothing when it is one of the jobs that were sent, in order.
using Refusals = std::vector<std::optional<Problem>>;

Response batch_response(const Refusals& refusals, const std::vector<JobId>& jobs) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartArray();
    auto id = jobs.begin();
    for (const auto& refused : refusals) {
        json.StartObject();
        if (refused) {
            json.Key("error");
            write_problem(json, *refused, {});
        } else {
            put_text(json, "id", (id++)->text());
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

// What the items are found to be, once they can be looked at together and beside what is there already.
Status check_together(const Call& call, std::vector<OrProblem<SubmittedJob>>& items, DependencyIndexes& indexes,
                      bool& unknown) {
    indexes = resolve_names(items);
    if (call.replay) return Status();  // it was found good when it was carried out; jobs and files may be gone since
    const auto good = [&items] {
        return std::count_if(items.begin(), items.end(), [](const auto& item) { return item.ok(); });
    };
    const auto before = good();
    WINDLASS_TRY_STATUS(refuse_unknown_references(call, call.principal.id, items));
    unknown = good() != before;
    if (unknown) refuse_dependants(items, indexes);
    return Status();
}

Submission submission_of(const Call& call, std::vector<OrProblem<SubmittedJob>>& items, DependencyIndexes& indexes) {
    std::vector<std::size_t> place(items.size(), 0);  // among the good ones
    std::size_t good = 0;
    for (std::size_t i = 0; i < items.size(); ++i)
        if (items[i].ok()) place[i] = good++;
    Submission submission(call.principal.id);
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (!items[i].ok()) continue;
        for (auto& index : indexes[i])
            if (index) index = place[*index];
        submission.add(std::move(items[i]).value(), indexes[i]);
    }
    return submission;
}

}  // namespace

OrProblem<Reply> submit_batch(const Call& call) {
    WINDLASS_TRY(const bool all_or_nothing, parse_all_or_nothing(call));
    WINDLASS_TRY(auto batch, parse_batch(call.request.body, call.request.header("Content-Type"), call.app.settings));
    DependencyIndexes indexes;
    bool unknown = false;
    WINDLASS_TRY_STATUS(check_together(call, batch.items, indexes, unknown));
    auto refusals = std::make_shared<Refusals>();
    refusals->reserve(batch.items.size());
    for (const auto& item : batch.items) refusals->push_back(item ? std::nullopt : std::optional(item.error()));
    const bool any_bad =
        std::any_of(refusals->begin(), refusals->end(), [](const auto& refusal) { return refusal.has_value(); });
    // With an Idempotency-Key the answer must not depend on what is there at the moment: jobs and files come and go.
    if (any_bad && (all_or_nothing || (unknown && call.key))) return whole_problem(*refusals);
    WINDLASS_TRY([[maybe_unused]] const bool stored, store_inline_files(call, call.principal.id, batch.items));
    auto submission = submission_of(call, batch.items, indexes);
    if (submission.size() == 0) return Reply(batch_response(*refusals, {}));
    return std::move(submission).send(call, [refusals](const std::vector<JobId>& jobs) {
        return batch_response(*refusals, jobs);
    });
}

}  // namespace windlass::api
