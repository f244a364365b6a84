// The SQL that reads jobs. The api never writes one: it asks the scheduler. Threads: any; each call borrows one
// session.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "shared/database/session_pool.h"
#include "shared/ids.h"
#include "shared/job.h"
#include "shared/job_state.h"
#include "shared/outcome.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

// How the attempt that counts ended.
struct Ending {
    OutcomeKind outcome = OutcomeKind::exited;
    std::int32_t exit_code = 0;
    std::int32_t signal = 0;
    Microseconds wall{};
};

// What lists show of a job.
struct JobLine {
    JobId id;
    JobState state = JobState::queued;
    std::string name;
    std::optional<WallTime> started;
    std::optional<WallTime> finished;
    std::optional<Ending> ending;  // of the newest attempt, if it has ended
};

struct JobView {
    JobLine line;
    UserId owner;
    WallTime submitted{};
    JobSpec spec;
    std::string env_json;  // as stored: a JSON object
    AttemptNumber attempt = 0;
    std::int32_t failures = 0;
    std::int32_t losses = 0;
    bool cancel_requested = false;
};

// Whose jobs a list shows.
struct Visible {
    UserId owner;
    bool everybodys = false;
};

struct StateRange {
    JobState first = JobState::blocked;
    JobState last = JobState::lost;
};

// One step through a long list: the jobs among the next `scanned` ids that match. An empty step is not the end.
template <class T>
struct Step {
    std::vector<T> matches;
    std::int64_t cursor = 0;  // go on from here
    bool end = false;
};

inline constexpr std::int64_t newest = std::numeric_limits<std::int64_t>::max();

struct JobEvent {
    std::int64_t seq = 0;
    WallTime at{};
    JobMove move = JobMove::submit;
    JobState state = JobState::queued;
    AttemptNumber attempt = 0;
    std::string worker;  // its name; empty: none
    std::string detail;
};

struct QueuedPayload {
    std::string running_commands;
    std::string code_sha256;  // empty: no bytes
    std::string data_sha256;
};

class JobsRepository {
  public:
    explicit JobsRepository(SessionPool& pool) : pool_(pool) {}

    // One statement by primary key. nullopt: there is none.
    Result<std::optional<JobView>> one(JobId job);
    // State and owner only, for what is about to be done with the job.
    struct Standing {
        UserId owner;
        JobState state = JobState::queued;
        AttemptNumber attempt = 0;
        std::string worker;  // who has it now; empty: nobody
    };
    Result<std::optional<Standing>> standing(JobId job);

    // Newest first: from `before` (exclusive) down. Looks at `scan` ids at most, so that a filter that matches little
    // does not hold a thread for long.
    Result<Step<JobLine>> newest_first(const Visible& visible, StateRange states, std::int64_t before, int scan);
    // Oldest first: the queued ones after `after`.
    Result<Step<QueuedPayload>> queued(const Visible& visible, std::int64_t after, int scan);

    // In order; only those after number `after`.
    Result<std::vector<JobEvent>> events(JobId job, std::int64_t after = 0);
    // The bytes of code, data or a result file; nullopt: no longer there.
    Result<std::optional<std::string>> blob(const std::string& sha256);

  private:
    SessionPool& pool_;
};

}  // namespace windlass::api
