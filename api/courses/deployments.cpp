// Launches: /v1/job/…. A deployment is a long-running job of the same queue whose worker publishes its service.
#include <fmt/format.h>

#include "api/ask.h"
#include "api/courses/answers.h"
#include "api/courses/course_body.h"
#include "api/courses/handlers.h"
#include "api/courses/service_headers.h"
#include "api/field_reader.h"
#include "api/idempotency.h"
#include "api/json_fields.h"
#include "api/scheduler_link.h"
#include "api/submission.h"
#include "shared/digest.h"
#include "shared/log.h"

namespace windlass::api {
namespace {

std::string deployment_name(const Course& course, const Deployment& deployment) {
    return fmt::format("{}-{}", course.name, deployment.id);
}

// What a student cannot change: how long it lives, what it may use, when it is idle.
JobSpec spec_of(const Call& call, const Course& course, const Deployment& deployment) {
    const Config::Api& settings = call.app.settings;
    JobSpec spec;
    spec.name = deployment_name(course, deployment);
    spec.running_commands = course.command;
    spec.image = course.image;
    spec.datasets = course.datasets;
    spec.limits.cpu_millis = static_cast<std::int32_t>(settings.course_cpu_millis);
    spec.limits.memory_bytes = settings.course_memory_bytes;
    spec.limits.disk_bytes = std::min(spec.limits.disk_bytes, settings.course_memory_bytes);
    spec.limits.processes = 512;
    spec.limits.open_files = 4096;
    spec.timeout = Seconds{settings.course_life_s};
    spec.deadline = call.app.clock.now().wall + Seconds{settings.course_life_s};
    spec.max_attempts = static_cast<std::int32_t>(settings.course_attempts);
    spec.env = {{"PORT", std::to_string(course.port)}};
    if (course.gpu > 0) spec.resources["gpu"] = course.gpu;
    spec.service =
        ServicePort{static_cast<std::int32_t>(course.port), course.check_path, Seconds{settings.course_idle_s}};
    return spec;
}

std::string_view status_word(const RunningDeployment& one) {
    if (one.ready) return "Ready";
    return is_leased(one.state) ? "Pending" : "Created";
}

// Nobody would end it: its course was deleted while the scheduler took it.
void end_orphan(const Call& call, JobId job) {
    call.app.scheduler.ask(protocol::CancelJobs{{}, {job}, "its course was deleted"}, {},
                           [job](const Scheduler::Answer& answer) {
                               if (!answer) log::warning("deployment {}: {}", job.text(), answer.error().message);
                           });
}

}  // namespace

OrProblem<Reply> launch_course(const Call& call, UserId account, const Course& course) {
    // The teacher could use it when the course was made; what is for some only must be for the one who launches, too.
    WINDLASS_TRY(const auto unusable, unusable_part(call, course));
    if (unusable)
        return make_problem(
            403, fmt::format("The {} \"{}\" of this course is not there for you; ask whoever gave you the course.",
                             unusable->kind == SiteKind::image ? "image" : "data set", unusable->name));
    const WallTime now = call.app.clock.now().wall;
    WINDLASS_TRY(const auto place,
                 call.app.courses.take_place(course.id, account, call.app.settings.course_deployments, now));
    if (!place)
        return make_problem(
            409, call.app.settings.course_deployments == 1
                     ? fmt::format("A deployment of course {} runs already; delete it before you launch another one.",
                                   course.name)
                     : fmt::format("{} deployments of course {} run already; delete one before you launch another.",
                                   call.app.settings.course_deployments, course.name));
    SubmittedJob job;
    job.spec = spec_of(call, course, *place);
    Submission submission(account);
    submission.add(std::move(job));
    // A key of its own: whoever asks again after an answer got lost gets the same job.
    Call keyed = call;
    const std::string key = deployment_key(place->id);
    keyed.key = std::make_shared<const IdempotencyKey>(
        IdempotencyKey{account, std::string(deployment_route), key, sha256_hex(key)});
    return std::move(submission).send(keyed, [call, course, place = *place, now](const std::vector<JobId>& jobs) {
        const JobId id = jobs.front();
        const auto noted = call.app.courses.set_job(place.id, id);
        if (!noted)
            log::warning("deployment {}: its job {} is not noted: {}", place.id, id.text(), noted.error().message);
        if (noted && !*noted) {
            end_orphan(call, id);
            return render_problem(call.route.family, no_such_course(course.id), call.request.id);
        }
        Response response =
            course_response(fmt::format("Launch deployment {} successfully", deployment_name(course, place)),
                            [id](JsonWriter& json) { put_number(json, "job_id", id.value); });
        if (call.key) {
            const auto kept = call.app.courses.record(*call.key, response, now);
            if (!kept) log::warning("deployment {}: its key is not noted: {}", place.id, kept.error().message);
        }
        return response;
    });
}

OrProblem<Reply> launch(const Call& call) {
    WINDLASS_TRY(const auto document, parse_object(call.request.body));
    WINDLASS_TRY(const auto wish, parse_launch(document));
    WINDLASS_TRY(const auto account, named_user(call, wish.user));
    WINDLASS_TRY(const auto course, visible_course(call, account, wish.course));
    return launch_course(call, account, course);
}

OrProblem<Reply> list_deployments(const Call& call) {
    WINDLASS_TRY(const auto account, named_user(call, call.path[0]));
    WINDLASS_TRY(const auto running, call.app.courses.running(account));
    const std::string site =
        fmt::format("{}://{}", call.request.scheme, call.request.host.empty() ? "localhost" : call.request.host);
    return Reply(course_response("", [&](JsonWriter& json) {
        put_key(json, "jobs");
        json.StartArray();
        for (const auto& one : running) {
            json.StartObject();
            put_text(json, "status", status_word(one));
            put_number(json, "job_id", one.job.value);
            put_text(json, "course_name", one.course_name);
            put_text(json, "image", one.image);
            put_names(json, "dataset", one.datasets);
            put_text(json, "address", site + service_prefix(one.job) + "/");
            json.EndObject();
        }
        json.EndArray();
    }));
}

OrProblem<Reply> delete_deployment(const Call& call) {
    WINDLASS_TRY(const auto account, named_user(call, call.path[0]));
    const auto id = call.path_id(1);
    const auto none = [&] {
        return not_found(fmt::format("There is no running deployment {} of this user.", id.value_or(0)));
    };
    if (!id) return none();
    WINDLASS_TRY(const auto deployment, call.app.courses.of_job(JobId{*id}));
    if (!deployment || deployment->account != account) return none();
    return ask_scheduler(call, protocol::CancelJobs{{}, {JobId{*id}}, "deleted by its user"},
                         [id](const protocol::Message& answer) -> OrProblem<Reply> {
                             if (!std::holds_alternative<protocol::CancelAnswered>(answer)) return senseless_answer();
                             return Reply(course_response(fmt::format("job {} delete successfully", *id)));
                         });
}

}  // namespace windlass::api
