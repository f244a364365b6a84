// The handlers that routes.cpp names; one file per resource.
#pragma once

#include "api/call.h"

namespace windlass::api {

// users.cpp
OrProblem<Reply> create_user(const Call& call);
OrProblem<Reply> delete_user(const Call& call);
OrProblem<Reply> list_users(const Call& call);
// jobs.cpp
OrProblem<Reply> submit_job(const Call& call);
OrProblem<Reply> list_jobs(const Call& call);
OrProblem<Reply> show_job(const Call& call);
OrProblem<Reply> cancel_job(const Call& call);
// batch.cpp
OrProblem<Reply> submit_batch(const Call& call);
// rerun.cpp
OrProblem<Reply> rerun_job(const Call& call);
// cancel.cpp
OrProblem<Reply> cancel_jobs(const Call& call);
// arrays.cpp
OrProblem<Reply> list_members(const Call& call);
// queue_listing.cpp
OrProblem<Reply> list_queue(const Call& call);
// job_history.cpp
OrProblem<Reply> job_events(const Call& call);
OrProblem<Reply> job_attempts(const Call& call);
// why.cpp
OrProblem<Reply> why_job(const Call& call);
// job_log.cpp
OrProblem<Reply> job_log(const Call& call);
// job_live.cpp
OrProblem<Reply> job_live(const Call& call);
// results.cpp
OrProblem<Reply> list_results(const Call& call);
OrProblem<Reply> show_result(const Call& call);
// result_files.cpp
OrProblem<Reply> result_file(const Call& call);
// blobs.cpp
OrProblem<Reply> list_blobs(const Call& call);
OrProblem<Reply> put_blob(const Call& call);
OrProblem<Reply> get_blob(const Call& call);
OrProblem<Reply> delete_blob(const Call& call);
// queues.cpp
OrProblem<Reply> list_queues(const Call& call);
OrProblem<Reply> show_queue(const Call& call);
OrProblem<Reply> put_queue(const Call& call);
OrProblem<Reply> delete_queue(const Call& call);
OrProblem<Reply> hold_queue(const Call& call);
OrProblem<Reply> release_queue(const Call& call);
// workers.cpp
OrProblem<Reply> list_workers(const Call& call);
OrProblem<Reply> drain_worker(const Call& call);
OrProblem<Reply> resume_worker(const Call& call);
OrProblem<Reply> forget_worker(const Call& call);
OrProblem<Reply> enrol_worker(const Call& call);
OrProblem<Reply> revoke_worker(const Call& call);
// quotas.cpp
OrProblem<Reply> list_quotas(const Call& call);
OrProblem<Reply> own_quota(const Call& call);
OrProblem<Reply> show_quota(const Call& call);
OrProblem<Reply> put_quota(const Call& call);
OrProblem<Reply> delete_quota(const Call& call);
// schedules.cpp
OrProblem<Reply> list_schedules(const Call& call);
OrProblem<Reply> create_schedule(const Call& call);
OrProblem<Reply> show_schedule(const Call& call);
OrProblem<Reply> change_schedule(const Call& call);
OrProblem<Reply> delete_schedule(const Call& call);
OrProblem<Reply> pause_schedule(const Call& call);
OrProblem<Reply> resume_schedule(const Call& call);
OrProblem<Reply> run_schedule(const Call& call);
// links/links.cpp
OrProblem<Reply> create_link(const Call& call);
// audit/audit.cpp
OrProblem<Reply> list_audit(const Call& call);
// health.cpp
OrProblem<Reply> health(const Call& call);
OrProblem<Reply> ready(const Call& call);
OrProblem<Reply> metrics(const Call& call);
// job_counts.cpp
OrProblem<Reply> count_jobs(const Call& call);
OrProblem<Reply> list_usage(const Call& call);
// dashboard/
OrProblem<Reply> show_site(const Call& call);
OrProblem<Reply> show_dashboard(const Call& call);
OrProblem<Reply> dashboard_asset(const Call& call);
// openapi/show_schema.cpp
OrProblem<Reply> show_schema(const Call& call);
// openapi/docs_page.cpp
OrProblem<Reply> show_docs(const Call& call);
OrProblem<Reply> docs_asset(const Call& call);

}  // namespace windlass::api
