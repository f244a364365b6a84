// Long polls: an answer that waits until a job has ended, without a thread.
#pragma once

#include <functional>

#include "api/call.h"
#include "shared/ids.h"
#include "shared/time.h"

namespace windlass::api {

// Calls `answer` (on a front thread) when the job has ended or `patience` is over, whatever comes first.
Reply when_ended(const Call& call, JobId job, Milliseconds patience, std::function<OrProblem<Reply>()> answer);

}  // namespace windlass::api
