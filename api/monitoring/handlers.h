// The handlers of the monitoring family that routes/monitoring.cpp names; one file per resource.
#pragma once

#include "api/call.h"
#include "api/monitoring/job_metadata.h"

namespace windlass::api {

// The job of this number if the caller may see it: 404 if no such job is shown, 403 if it is somebody else's.
OrProblem<JobMetadata> monitored_job(const Call& call, std::int64_t id);

// job_control.cpp
OrProblem<Reply> job_start(const Call& call);
OrProblem<Reply> job_stop(const Call& call);
OrProblem<Reply> refresh_metadata(const Call& call);
// job_listing.cpp
OrProblem<Reply> list_monitored_jobs(const Call& call);
// job_search.cpp
OrProblem<Reply> search_all(const Call& call);
OrProblem<Reply> search_users(const Call& call);
// job_tags.cpp
OrProblem<Reply> add_tag(const Call& call);
OrProblem<Reply> remove_tag(const Call& call);
// configuration.cpp
OrProblem<Reply> show_config(const Call& call);
OrProblem<Reply> update_config(const Call& call);
// notify_admin.cpp
OrProblem<Reply> notify_admin(const Call& call);
OrProblem<Reply> list_notices(const Call& call);
OrProblem<Reply> delete_notice(const Call& call);
// ping.cpp
OrProblem<Reply> ping(const Call& call);
// job_data.cpp
OrProblem<Reply> show_job_data(const Call& call);
OrProblem<Reply> show_job_metric(const Call& call);
// write_metrics.cpp
OrProblem<Reply> write_metrics(const Call& call);

}  // namespace windlass::api
