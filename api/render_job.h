// Jobs and results as the `jobs` family shows them: ids and durations are strings, times are RFC 3339.
#pragma once

#include <optional>
#include <string>

#include "api/jobs_repository.h"
#include "api/relations_repository.h"
#include "api/results_repository.h"
#include "shared/json.h"
#include "shared/time.h"

namespace windlass::api {

std::string seconds_text(Microseconds duration);  // "1.204"
// "" before it starts, the running total while it runs, the wall time of the attempt that counts at the end.
std::string duration_text(const JobLine& job, WallTime now);
// The ending that counts for the job as it is now: an older attempt's does not while it waits again, nor after it was
// cancelled while it waited.
std::optional<Ending> ending_that_counts(const JobLine& job);

void put_standing(JsonWriter& json, JobId job, JobState state);  // the fields id and status of an object begun

void write_job_line(JsonWriter& json, const JobLine& job, WallTime now);  // {id, duration, status}
// The same with what a table of jobs shows: name, owner, queue, tags, when, how it ended, how far an array is.
void write_detailed_line(JsonWriter& json, const JobLine& job, const std::vector<std::string>& tags, WallTime now);
// The same and everything else.
void write_job(JsonWriter& json, const JobView& job, const Relations& relations, WallTime now);

// What the job printed, whole; any bytes.
struct JobOutput {
    std::string standard_output;
    std::string standard_error;
};
// {id, duration, results}; results is {} until the job has ended.
void write_result(JsonWriter& json, const JobOutcome& job, const JobOutput& output, WallTime now);
void write_attempt(JsonWriter& json, const StoredResult& attempt);
// {id, index, duration, status}
void write_member(JsonWriter& json, const ArrayView& array, const MemberView& member, WallTime now);
void write_event(JsonWriter& json, const JobEvent& event);

}  // namespace windlass::api
