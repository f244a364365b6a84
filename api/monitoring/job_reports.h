// What a cluster's scripts report, read from the bodies of job_start and job_stop. Pure.
#pragma once

#include <string_view>

#include "api/monitoring/cluster_jobs_repository.h"
#include "api/problem.h"

namespace windlass::api {

// JobMetadata of a job that starts. Id and UserName are required; what the body says of its end, its Tags and its Data
// is looked away from. NodeList: joined or as Slurm writes it; NumNodes 0: as many as that names. 400 with the fault;
// an Id from `first_own_id` on is one, as those are of our own jobs.
OrProblem<JobMetadata> parse_job_start(std::string_view body, std::int64_t first_own_id);

// StopJob; beyond the document: ClusterId, where several clusters report here. ExitCode: as a shell knows it, or
// negative.
OrProblem<JobStop> parse_job_stop(std::string_view body, std::int64_t id);

}  // namespace windlass::api
