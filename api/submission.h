// Hands parsed jobs to the scheduler and waits, without a thread, for the commit.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/call.h"
#include "api/submit_parser.h"
#include "shared/protocol.h"

namespace windlass::api {

// One SubmitJobs message in the making. Code and data that repeat those of the job before are sent once.
class Submission {
  public:
    void add(SubmittedJob job);
    std::size_t size() const { return message_.jobs.size(); }

    // `answer` gets the id of the first job; the others follow by one.
    OrProblem<Reply> send(const Call& call, std::function<Response(JobId first)> answer) &&;

  private:
    protocol::SubmitJobs message_;
    std::string body_;
    std::string_view last_code_, last_data_;
    std::size_t spec_bytes_ = 0;
};

}  // namespace windlass::api
