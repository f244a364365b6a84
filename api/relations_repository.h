// The SQL that says what a job has to do with other jobs: arrays and members, what it waits for, what it was made anew
// from. Reads only. Threads: any; each call borrows one session.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/jobs_repository.h"

namespace windlass::api {

struct ArrayView {
    JobId id;
    UserId owner;
    JobState state = JobState::queued;  // of its own row: queued until all members have ended
    std::int64_t count = 0;
    std::int64_t next_member = 0;  // those before it have a row, or were dealt with
    std::optional<std::int64_t> max_fails;
    std::int64_t succeeded = 0, failed = 0, timed_out = 0, cancelled = 0, lost = 0;
    std::int64_t running = 0;  // a worker has them

    std::int64_t ended() const { return succeeded + failed + timed_out + cancelled + lost; }
    JobId member(std::int64_t number) const { return JobId{id.value + 1 + number}; }
    std::int64_t number_of(JobId member) const { return member.value - id.value - 1; }
    bool has(JobId job) const { return job > id && job.value <= id.value + count; }
    // As readers see it: running while a worker has a member.
    JobState shown_state() const { return !is_final(state) && running > 0 ? JobState::running : state; }
    // Of a member that has no row.
    JobState state_without_row(std::int64_t number) const;
};

struct MemberView {
    JobLine line;
    AttemptNumber attempt = 0;
    std::int32_t failures = 0;
    std::int32_t losses = 0;
    bool cancel_requested = false;
    std::string worker;  // who has it now; empty: nobody
    bool has_row = false;
};

struct Relations {
    JobId rerun_of;
    std::string queue;
    std::string code_sha256, data_sha256;  // empty: no bytes
    std::vector<std::pair<JobId, DependencyCondition>> after;
    std::optional<ArrayView> array;   // of an array
    std::optional<ArrayView> within;  // of a member
};

// Jobs that have not ended, each array as one. Empty parts: any.
struct ActiveFilter {
    UserId owner;
    std::string tag;
    std::string queue;
};
struct ActiveJob {
    JobId id;
    std::string name;
    JobState state = JobState::queued;
    bool is_array = false;
};

class RelationsRepository {
  public:
    explicit RelationsRepository(SessionPool& pool) : pool_(pool) {}

    // The owners of those of these jobs (members of arrays too) that there are.
    Result<std::map<JobId, UserId>> owners(const std::vector<JobId>& jobs);
    // nullopt: it is no array.
    Result<std::optional<ArrayView>> array(JobId job);
    // The array that this job is a member of, whether it has a row or not.
    Result<std::optional<ArrayView>> array_of_member(JobId member);
    // Members first … last (ids), in order; those without a row as they are shown.
    Result<std::vector<MemberView>> members(const ArrayView& array, JobId first, JobId last);
    // Members after `after` that have a row in this state, at most `most`, of the next `scan` ids.
    Result<Step<MemberView>> members_in(const ArrayView& array, JobState state, JobId after, int most, int scan);
    Result<Relations> of(JobId job);
    // Newest first, from `before` (exclusive) down; members of arrays are left out.
    Result<Step<ActiveJob>> active(const ActiveFilter& filter, std::int64_t before, int most);
    // The environment of members first … last (numbers), as JSON objects; empty: they have none.
    Result<std::vector<std::string>> params(JobId array, std::int64_t first, std::int64_t last);

  private:
    SessionPool& pool_;
};

}  // namespace windlass::api
