// A single job on its way to the scheduler: its references are looked up, its files stored, and the answer is its id.
#pragma once

#include "api/call.h"
#include "api/submit_parser.h"

namespace windlass::api {

// `then`, if any, is told the id once the job is durable.
OrProblem<Reply> submit_one(const Call& call, UserId owner, SubmittedJob job, std::function<void(JobId)> then = {});

}  // namespace windlass::api
