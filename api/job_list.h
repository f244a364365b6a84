// Lists of jobs, newest first: what GET /api/jobs/ and GET /api/results/ have in common.
#pragma once

#include <functional>

#include "api/call.h"
#include "api/jobs_repository.h"

namespace windlass::api {

// Writes one element (or nothing, if the job is not of the list after all).
using WriteLine = std::function<Status(JsonWriter& json, const JobLine& job)>;

// Everything that matches the request's parameters and lies within `states`, streamed; or one page with a Link to the
// next when `limit` is given.
OrProblem<Reply> job_list(const Call& call, StateRange states, WriteLine write);

}  // namespace windlass::api
