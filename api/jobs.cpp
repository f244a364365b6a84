// /api/jobs/: submit, list, one, cancel.
#include <utility>

#include "api/ask.h"
#include "api/cancel.h"
#include "api/field_reader.h"
#include "api/find_job.h"
#include "api/handlers.h"
#include "api/job_list.h"
#include "api/job_parameters.h"
#include "api/names.h"
#include "api/refused_submits.h"
#include "api/render_job.h"
#include "api/submit_one.h"
#include "api/submit_parser.h"
#include "api/wait.h"

namespace windlass::api {
namespace {

Response status_response(JobId job, JobState state, int code) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_standing(json, job, state);
    json.EndObject();
    return json_response(buffer, code);
}

OrProblem<bool> parse_details(const Call& call) {
    const auto text = call.query("details");
    if (text == "true" || text == "1") return true;
    if (text.empty() || text == "false" || text == "0") return false;
    return bad_field("?details", "details must be true or false.");
}

OrProblem<Reply> job_reply(const Call& call, const JobView& job) {
    WINDLASS_TRY(const auto relations, call.app.relations.of(job.line.id));
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_job(json, job, relations, call.app.clock.now().wall);
    return Reply(json_response(buffer));
}

// {"reason": "…"} in the body, or ?reason=; both may be absent.
OrProblem<std::string> read_reason(const Call& call) {
    constexpr std::size_t most_characters = 200;
    std::string reason(call.query("reason"));
    std::string pointer = "?reason";
    if (call.request.body.find_first_not_of(" \t\r\n") != std::string::npos) {
        WINDLASS_TRY(const auto document, parse_object(call.request.body));
        Faults faults;
        FieldReader fields(document, "", faults);
        if (const auto text = fields.text("reason")) {
            reason = *text;
            pointer = "/reason";
        }
        fields.refuse_others();
        if (faults.any()) return std::move(faults).problem();
    }
    if (!is_valid_utf8(reason) || reason.find('\0') != std::string::npos || count_characters(reason) > most_characters)
        return bad_field(pointer, "reason must be text of at most 200 characters.");
    return reason;
}

}  // namespace

OrProblem<Reply> submit_job(const Call& call) {
    // With a key it may be a job that was accepted before, and is answered as it was then.
    if (!call.key)
        if (auto refusal = call.app.refused_submits.remembered(call.principal.id, call.app.clock.now().steady))
            return *std::move(refusal);
    WINDLASS_TRY(const auto document, parse_object(call.request.body));
    WINDLASS_TRY(auto job, parse_submit(document, call.app.settings));
    return submit_one(call, call.principal.id, std::move(job));
}

OrProblem<Reply> list_jobs(const Call& call) {
    WINDLASS_TRY(const bool details, parse_details(call));
    return job_list(call, {}, [&app = call.app, details](JsonWriter& json, const JobLine& job) -> Status {
        const auto now = app.clock.now().wall;
        if (!details) {
            write_job_line(json, job, now);
            return {};
        }
        WINDLASS_TRY(const auto tags, app.jobs.tags(job.id));
        write_detailed_line(json, job, tags, now);
        return {};
    });
}

OrProblem<Reply> show_job(const Call& call) {
    WINDLASS_TRY(const auto id, path_job(call));
    WINDLASS_TRY(const auto patience, parse_wait(call));
    WINDLASS_TRY(const auto job, visible_job(call, id));
    if (is_final(job.line.state) || patience.count() == 0) return job_reply(call, job);
    return when_ended(call, id, patience, [call, id]() -> OrProblem<Reply> {
        WINDLASS_TRY(const auto now, visible_job(call, id));
        return job_reply(call, now);
    });
}

OrProblem<Reply> cancel_job(const Call& call) {
    WINDLASS_TRY(const auto id, path_job(call));
    WINDLASS_TRY(auto reason, read_reason(call));
    WINDLASS_TRY(const auto standing, visible_standing(call, id));
    if (is_final(standing.state)) return Reply(status_response(id, standing.state, 200));
    protocol::CancelJobs question{{}, {id}, std::move(reason)};
    return ask_scheduler(call, std::move(question), [call, id](const protocol::Message& got) -> OrProblem<Reply> {
        const auto* answer = std::get_if<protocol::CancelAnswered>(&got);
        if (answer == nullptr || answer->answers.size() != 1) return senseless_answer();
        WINDLASS_TRY(const auto now, visible_standing(call, id));
        const bool ended_in_between = answer->answers.front() == cancel_not_active;
        return Reply(status_response(id, now.state, ended_in_between ? 200 : 202));
    });
}

}  // namespace windlass::api
