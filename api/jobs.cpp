// /api/jobs/: submit, list, one, cancel.
#include <utility>

#include "api/field_reader.h"
#include "api/handlers.h"
#include "api/job_list.h"
#include "api/job_parameters.h"
#include "api/network_permission.h"
#include "api/render_job.h"
#include "api/scheduler_link.h"
#include "api/submission.h"
#include "api/submit_parser.h"
#include "api/wait.h"

namespace windlass::api {
namespace {

Response submitted_response(JobId job) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    json.Key("id");
    put(json, job.text());
    json.EndObject();
    Response response = json_response(buffer);
    response.headers.emplace_back("Location", "/api/jobs/" + job.text() + "/");
    return response;
}

Response status_response(JobId job, std::string_view status, int code) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    json.Key("id");
    put(json, job.text());
    json.Key("status");
    put(json, status);
    json.EndObject();
    return json_response(buffer, code);
}

OrProblem<JobView> visible_job(const Call& call, JobId id) {
    WINDLASS_TRY(auto job, call.app.jobs.one(id));
    if (!job || !call.principal.may_see(job->owner)) return no_such_job(call);
    return *std::move(job);
}

Reply job_reply(const Call& call, const JobView& job) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_job(json, job, call.app.clock.now().wall);
    return json_response(buffer);
}

}  // namespace

OrProblem<Reply> submit_job(const Call& call) {
    WINDLASS_TRY(const auto document, parse_object(call.request.body));
    WINDLASS_TRY(auto job, parse_submit(document, call.app.settings));
    if (auto refused = network_refusal(job.spec, call.principal, call.app.settings)) return *std::move(refused);
    Submission submission;
    submission.add(std::move(job));
    return std::move(submission).send(call, submitted_response);
}

OrProblem<Reply> list_jobs(const Call& call) {
    return job_list(call, {}, [&clock = call.app.clock](JsonWriter& json, const JobLine& job) {
        write_job_line(json, job, clock.now().wall);
        return Status();
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
    WINDLASS_TRY(const auto standing, call.app.jobs.standing(id));
    if (!standing || !call.principal.may_see(standing->owner)) return no_such_job(call);
    if (is_final(standing->state)) return Reply(status_response(id, name(standing->state), 200));

    const auto answered = [call, id](const Scheduler::Answer& got) -> OrProblem<Reply> {
        if (!got) return try_again_later(got.error().message);
        const auto* answer = std::get_if<protocol::CancelAnswered>(&*got);
        constexpr std::int64_t not_active = 2;  // protocol: it ended in between
        WINDLASS_TRY(const auto now, call.app.jobs.standing(id));
        if (answer == nullptr || !now) return make_problem(500, "The scheduler gave an answer that makes no sense.");
        return Reply(status_response(id, name(now->state), answer->answer == not_active ? 200 : 202));
    };
    Later later;
    later.start = [call, id, answered](const Resumer& resume) {
        call.app.scheduler.ask(protocol::CancelJob{{}, id}, {}, [call, resume, answered](Scheduler::Answer got) {
            resume(call.then([answered, got = std::move(got)] { return answered(got); }));
        });
    };
    later.on_deadline = call.then([]() -> OrProblem<Reply> {
        return try_again_later(
            "The scheduler did not answer in time. The job may be cancelled all the same; asking again does no harm.",
            5);
    });
    return Reply(std::move(later));
}

}  // namespace windlass::api
