// The SQL that reads what attempts left. Threads: any; each call borrows one session.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/jobs_repository.h"
#include "shared/database/session_pool.h"
#include "shared/ids.h"
#include "shared/outcome.h"
#include "shared/result.h"

namespace windlass::api {

struct StoredResult {
    AttemptNumber attempt = 0;
    std::string worker;  // its name; empty: unknown
    WallTime ended{};
    AttemptResult result;
};

// A job and the result of its newest attempt, if that has ended.
struct JobOutcome {
    JobLine line;
    UserId owner;
    AttemptNumber attempt = 0;
    std::optional<StoredResult> stored;
};

struct OutputPiece {
    std::int64_t offset = 0;
    std::string bytes;
};

class ResultsRepository {
  public:
    explicit ResultsRepository(SessionPool& pool) : pool_(pool) {}

    // nullopt: there is no such job.
    Result<std::optional<JobOutcome>> one(JobId job);
    // Every attempt of the job that has ended, in order.
    Result<std::vector<StoredResult>> attempts(JobId job);
    // The pieces of one stream from the one on that `offset` lies in (or ends), in order, at most `most`.
    Result<std::vector<OutputPiece>> output(AttemptRef attempt, OutputStream stream, std::int64_t offset, int most);
    // How many bytes of it are there.
    Result<std::int64_t> output_size(AttemptRef attempt, OutputStream stream);
    // All of it; any bytes.
    Result<std::string> whole_output(AttemptRef attempt, OutputStream stream);

  private:
    SessionPool& pool_;
};

}  // namespace windlass::api
