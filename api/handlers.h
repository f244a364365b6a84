// The handlers that routes.cpp names; one file per resource.
#pragma once

#include "api/call.h"

namespace windlass::api {

// users.cpp
OrProblem<Reply> create_user(const Call& call);
OrProblem<Reply> delete_user(const Call& call);
OrProblem<Reply> list_users(const Call& call);
// authenticate.cpp
OrProblem<Reply> authenticate(const Call& call);
// jobs.cpp
OrProblem<Reply> submit_job(const Call& call);
OrProblem<Reply> list_jobs(const Call& call);
OrProblem<Reply> show_job(const Call& call);
OrProblem<Reply> cancel_job(const Call& call);
// batch.cpp
OrProblem<Reply> submit_batch(const Call& call);
// queue_listing.cpp
OrProblem<Reply> list_queue(const Call& call);
// job_history.cpp
OrProblem<Reply> job_events(const Call& call);
OrProblem<Reply> job_attempts(const Call& call);
OrProblem<Reply> why_job(const Call& call);
// job_log.cpp
OrProblem<Reply> job_log(const Call& call);
// results.cpp
OrProblem<Reply> list_results(const Call& call);
OrProblem<Reply> show_result(const Call& call);
// result_files.cpp
OrProblem<Reply> result_file(const Call& call);
// health.cpp
OrProblem<Reply> health(const Call& call);
OrProblem<Reply> ready(const Call& call);
OrProblem<Reply> metrics(const Call& call);

}  // namespace windlass::api
