// What a cluster's scripts report: job_start and job_stop; and what is computed of a job that has stopped.
#include <fmt/format.h>

#include <charconv>

#include "api/audit/audited.h"
#include "api/monitoring/handlers.h"
#include "api/monitoring/job_reports.h"
#include "api/monitoring/monitoring.h"
#include "api/monitoring/text_reply.h"

namespace windlass::api {
namespace {

Problem no_such_number(const Call& call) {
    return not_found(fmt::format("There is no job {}.", std::string(call.path[0].substr(0, 40))));
}

Reply metadata_reply(const JobMetadata& job) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_job_metadata(json, job);
    return json_response(buffer);
}

}  // namespace

OrProblem<JobMetadata> monitored_job(const Call& call, std::int64_t id) {
    WINDLASS_TRY(auto job, call.app.monitoring.jobs.find(id));
    if (!job) return not_found(fmt::format("There is no job {}.", id));
    if (!MonitoredBy::of(call.principal).may_see(*job)) return make_problem(403, "This job is somebody else's.");
    return *std::move(job);
}

OrProblem<Reply> job_start(const Call& call) {
    WINDLASS_TRY(const auto job, parse_job_start(call.request.body, call.app.monitoring.first_own_job));
    call.note->object = fmt::format("job {} of \"{}\"", job.id, job.cluster_id);
    WINDLASS_TRY(const auto verdict, call.app.monitoring.clusters.start(job, call.app.clock.now().wall));
    if (verdict == StartVerdict::another_runs)
        return make_problem(409,
                            fmt::format("Another job {} runs. Stop it first: PATCH /api/job_stop/{}", job.id, job.id));
    return text_reply("");
}

OrProblem<Reply> job_stop(const Call& call) {
    const auto id = call.path_id();
    if (!id) return make_problem(400, "The path must end with the number of a job.");
    WINDLASS_TRY(const auto stop, parse_job_stop(call.request.body, *id));
    WINDLASS_TRY(const auto verdict, call.app.monitoring.clusters.stop(stop, call.app.clock.now().wall));
    switch (verdict) {
        case StopVerdict::unknown:
            return no_such_number(call);
        case StopVerdict::ambiguous:
            return bad_field("/ClusterId",
                             fmt::format("Jobs {} of several clusters run: say which, with ClusterId.", *id));
        case StopVerdict::stopped:
        case StopVerdict::before:
            break;
    }
    return text_reply("Success");
}

OrProblem<Reply> refresh_metadata(const Call& call) {
    auto& monitoring = call.app.monitoring;
    const auto id = call.path_id();
    if (!id) return no_such_number(call);
    WINDLASS_TRY(auto job, monitored_job(call, *id));
    if (job.is_running) return make_problem(409, fmt::format("Job {} still runs.", *id));
    if (!monitoring.compute_data) return metadata_reply(job);
    WINDLASS_TRY(const auto config, monitoring.config());
    WINDLASS_TRY(job.data, monitoring.compute_data(monitoring.pool, config, job));
    WINDLASS_TRY_STATUS(monitoring.clusters.keep_data(job, job.data, call.app.clock.now().wall));
    return metadata_reply(job);
}

}  // namespace windlass::api
