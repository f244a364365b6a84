// The job of a path, if it may be seen.
#pragma once

#include "api/call.h"
#include "api/jobs_repository.h"

namespace windlass::api {

// 404 for what is not there and for what may not be seen alike.
OrProblem<JobsRepository::Standing> visible_standing(const Call& call, JobId id);

}  // namespace windlass::api
