// The SQL that reads jobs. The api never writes one: it asks the scheduler. Threads: any; each call borrows one
// session.
#pragma once

#include <array>
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

// How far an array is.
struct ArrayProgress {
    std::int64_t count = 0;
    std::int64_t next_member = 0;  // members before it have been started, or dealt with one by one
    std::optional<std::int64_t> max_fails;
    std::int64_t succeeded = 0, failed = 0, timed_out = 0, cancelled = 0, lost = 0;
    std::int64_t ended() const { return succeeded + failed + timed_out + cancelled + lost; }
};

// What lists show of a job.
struct JobLine {
    JobId id;
    JobState state = JobState::queued;
    std::string name;
    std::optional<WallTime> started;
    std::optional<WallTime> finished;
    std::optional<Ending> ending;        // of the newest attempt, if it has ended
    std::optional<ArrayProgress> array;  // of an array
    // Of a line of a list only:
    UserId owner;
    std::string owner_name;
    std::string queue;
    WallTime submitted{};
};

// How many jobs are in which state, an array counted as one. Counting stops early, so that it is as fast with ten
// million jobs as with ten: a state that is not `exact` has at least so many.
struct JobCounts {
    struct Count {
        std::int64_t jobs = 0;
        bool exact = true;
    };
    std::array<Count, std::size(all_job_states)> of_state{};  // by the number of the state
};

// What one account has in the queue.
struct ActiveAccount {
    UserId id;
    std::string username;
    std::int64_t queued = 0;  // blocked and queued jobs; an array is one
    std::int64_t running = 0;
    std::int64_t cpu_millis = 0;  // that its running jobs have
    Microseconds cpu_today{};
};

struct JobView {
    JobLine line;
    UserId owner;
    JobId array;  // of a member: its array; what is said of spec and name is the array's
    JobId rerun_of;
    std::int64_t schedule = 0;
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
    bool contains(JobState state) const { return first <= state && state <= last; }
    bool all() const { return first == JobState::blocked && last == JobState::lost; }
};

// What a list is narrowed to.
struct JobFilter {
    JobFilter(StateRange wanted = {}) : states(wanted) {}  // NOLINT: a range of states alone is a filter
    StateRange states;
    std::string tag;    // empty: any
    std::string queue;  // empty: any
};

// One step through a long list: the jobs among the next `scan` candidates that match. An empty step is not the end.
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

// Columns of a row that several queries read in the same way.
std::optional<WallTime> time_or_null(const Row& row, std::size_t column);
// Four columns from `column` on: outcome, exit_code, signal, wall_us; all null when no attempt has ended.
std::optional<Ending> ending_of(const Row& row, std::size_t column);

// What a member without a row is, by the state of its array.
JobState state_of_unstarted(JobState array);

struct QueuedPayload {
    std::string running_commands;
    std::string code_sha256;  // empty: no bytes
    std::string data_sha256;
};

class JobsRepository {
  public:
    explicit JobsRepository(SessionPool& pool) : pool_(pool) {}

    // A job, an array, or a member of an array (also one that has not been started). nullopt: there is none.
    Result<std::optional<JobView>> one(JobId job);
    // State and owner only, for what is about to be done with the job.
    struct Standing {
        UserId owner;
        JobState state = JobState::queued;
        AttemptNumber attempt = 0;
        std::string worker;  // who has it now; empty: nobody
    };
    Result<std::optional<Standing>> standing(JobId job);

    // Newest first: from `before` (exclusive) down; an array is one line, its members are none. Takes `scan` candidates
    // from the index that fits the filter best (one state: only jobs of it; a tag: only jobs with it; a queue other
    // than "default": only its jobs) and keeps those that match the rest.
    Result<Step<JobLine>> newest_first(const Visible& visible, const JobFilter& filter, std::int64_t before, int scan);
    // Oldest first: the queued ones after `after`. Looks at what has not ended, never at the history.
    Result<Step<QueuedPayload>> queued(const Visible& visible, std::int64_t after, int scan);

    // In job_counts.cpp.
    Result<JobCounts> counts(const Visible& visible);
    // In the order of what they have running, then waiting; at most `most`.
    Result<std::vector<ActiveAccount>> active_accounts(WallTime now, int most);
    Result<std::vector<std::string>> tags(JobId job);

    // In order; only those after number `after`.
    Result<std::vector<JobEvent>> events(JobId job, std::int64_t after = 0);

  private:
    struct Membership {
        JobId array;
        std::int64_t count = 0, next_member = 0;
    };
    // The array to whose range of ids this one belongs.
    Result<std::optional<Membership>> membership(Session& session, JobId member);

    SessionPool& pool_;
};

}  // namespace windlass::api
