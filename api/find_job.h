// The job of a path, if it may be seen: an ordinary one, an array, or a member of one, which is there from the submit
// on, though it has a row only once it was started.
#pragma once

#include <optional>
#include <string>

#include "api/call.h"
#include "api/jobs_repository.h"
#include "api/relations_repository.h"
#include "api/results_repository.h"

namespace windlass::api {

// Each gives 404 for what is not there and for what may not be seen alike.
OrProblem<JobView> visible_job(const Call& call, JobId id);
OrProblem<JobsRepository::Standing> visible_standing(const Call& call, JobId id);
OrProblem<JobOutcome> visible_result(const Call& call, JobId id);
OrProblem<ArrayView> visible_array(const Call& call, JobId id);

}  // namespace windlass::api
