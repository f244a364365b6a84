#include "api/find_job.h"

#include <utility>

#include "api/job_parameters.h"

namespace windlass::api {

OrProblem<JobsRepository::Standing> visible_standing(const Call& call, JobId id) {
    WINDLASS_TRY(auto standing, call.app.jobs.standing(id));
    if (!standing || !call.principal.may_see(standing->owner)) return no_such_job(call);
    return *std::move(standing);
}

}  // namespace windlass::api
