#include "api/find_job.h"

#include <utility>

#include "api/job_parameters.h"

namespace windlass::api {

OrProblem<JobView> visible_job(const Call& call, JobId id) {
    WINDLASS_TRY(auto job, call.app.jobs.one(id));
    if (!job || !call.principal.may_see(job->owner)) return no_such_job(call);
    return *std::move(job);
}

OrProblem<JobsRepository::Standing> visible_standing(const Call& call, JobId id) {
    WINDLASS_TRY(auto standing, call.app.jobs.standing(id));
    if (!standing || !call.principal.may_see(standing->owner)) return no_such_job(call);
    return *std::move(standing);
}

OrProblem<JobOutcome> visible_result(const Call& call, JobId id) {
    WINDLASS_TRY(auto job, call.app.results.one(id));
    if (!job) {
        // A member of an array that had no row a moment ago.
        WINDLASS_TRY(const auto array, call.app.relations.array_of_member(id));
        if (!array) return no_such_job(call);
        WINDLASS_TRY(auto members, call.app.relations.members(*array, id, id));
        MemberView& member = members.front();
        job = JobOutcome{std::move(member.line), array->owner, member.attempt, std::nullopt};
        if (job->attempt > 0) {
            WINDLASS_TRY(auto attempts, call.app.results.attempts(id));
            if (!attempts.empty() && attempts.back().attempt == job->attempt) job->stored = std::move(attempts.back());
        }
    }
    if (!call.principal.may_see(job->owner)) return no_such_job(call);
    return *std::move(job);
}

OrProblem<ArrayView> visible_array(const Call& call, JobId id) {
    WINDLASS_TRY(auto array, call.app.relations.array(id));
    if (!array || !call.principal.may_see(array->owner))
        return not_found("There is no array " + id.text() + " that you may see.");
    return *std::move(array);
}

}  // namespace windlass::api
