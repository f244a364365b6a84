// Hands parsed jobs to the scheduler and waits, without a thread, for the commit.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "api/call.h"
#include "api/submit_parser.h"
#include "shared/protocol.h"

namespace windlass::api {

// One SubmitJobs message in the making. Code and data that repeat those of the job before are sent once.
class Submission {
  public:
    // The jobs will be `owner`'s.
    explicit Submission(UserId owner) { message_.owner = owner; }

    // `indexes`: of each entry of job.after the position of the job meant among those added, or nullopt where it has an
    // id.
    void add(SubmittedJob job, const std::vector<std::optional<std::size_t>>& indexes = {});
    std::size_t size() const { return message_.jobs.size(); }

    // `answer` gets the ids, in the order of add(). The call's Idempotency-Key goes along.
    using Answer = std::function<Response(const std::vector<JobId>&)>;
    OrProblem<Reply> send(const Call& call, Answer answer) &&;

  private:
    protocol::SubmitJobs message_;
    std::string body_;
    std::string_view last_code_, last_data_;
    std::size_t spec_bytes_ = 0;
};

// The message form of a job without dependencies; code and data go beside it.
protocol::SubmitItem item_of(SubmittedJob job);

// What a scheduler that refused a submit said, for the client.
Problem refused_submit(const protocol::SubmitRefused& refused);

}  // namespace windlass::api
