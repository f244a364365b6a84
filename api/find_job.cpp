#include "api/find_job.h"

#include <utility>

#include "api/job_parameters.h"

namespace windlass::api {
namespace {

struct Member {
    ArrayView array;
    MemberView view;
};

Result<std::optional<Member>> find_member(const Call& call, JobId id) {
    WINDLASS_TRY(const auto array, call.app.relations.array_of_member(id));
    if (!array) return std::optional<Member>();
    WINDLASS_TRY(auto members, call.app.relations.members(*array, id, id));
    return std::optional(Member{*array, std::move(members.front())});
}

}  // namespace

OrProblem<JobView> visible_job(const Call& call, JobId id) {
    WINDLASS_TRY(auto job, call.app.jobs.one(id));
    if (!job) {
        WINDLASS_TRY(auto member, find_member(call, id));
        if (!member) return no_such_job(call);
        WINDLASS_TRY(job, call.app.jobs.one(member->array.id));
        if (!job) return no_such_job(call);
        std::string name = std::move(job->line.name);
        job->line = std::move(member->view.line);
        job->line.name = std::move(name);
        job->attempt = member->view.attempt;
        job->failures = member->view.failures;
        job->losses = member->view.losses;
        job->cancel_requested = member->view.cancel_requested;
    }
    if (!call.principal.may_see(job->owner)) return no_such_job(call);
    return *std::move(job);
}

OrProblem<JobsRepository::Standing> visible_standing(const Call& call, JobId id) {
    WINDLASS_TRY(auto standing, call.app.jobs.standing(id));
    if (!standing) {
        WINDLASS_TRY(const auto member, find_member(call, id));
        if (!member) return no_such_job(call);
        standing = JobsRepository::Standing{member->array.owner, member->view.line.state, member->view.attempt,
                                            member->view.worker};
    }
    if (!call.principal.may_see(standing->owner)) return no_such_job(call);
    return *std::move(standing);
}

OrProblem<JobOutcome> visible_result(const Call& call, JobId id) {
    WINDLASS_TRY(auto job, call.app.results.one(id));
    if (!job) {
        WINDLASS_TRY(auto member, find_member(call, id));
        if (!member) return no_such_job(call);
        job = JobOutcome{std::move(member->view.line), member->array.owner, member->view.attempt, std::nullopt};
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
