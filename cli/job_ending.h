// How a job ended, as an exit code and a sentence.
#pragma once

#include <string>

#include "cli/server.h"
#include "shared/result.h"

namespace windlass::cli {

// Waits by long polls until the job is final; a server that restarts meanwhile is waited for (up to a minute).
// The answer is that of GET /api/jobs/{id}/.
Result<ServerAnswer> wait_for_job(Server& server, const std::string& id);

// `results` of an answer of GET /api/results/{id}/; null while the job has not ended.
const rapidjson::Value* results_of(const ServerAnswer& answer);

struct JobEnding {
    int exit_code = 0;
    std::string sentence;  // empty when it simply exited
};
// From `status` of the job and `results` of its result.
JobEnding ending_of(const std::string& status, const rapidjson::Value& results);

// "job 100000042" -> the path; refuses what is not a number, before anything is sent.
Result<std::string> job_path(const std::string& id, const std::string& behind = {});

}  // namespace windlass::cli
