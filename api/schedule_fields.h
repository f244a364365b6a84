// What a client sends to make or change a recurring job. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/problem.h"
#include "api/schedules_repository.h"
#include "api/submit_parser.h"

namespace windlass::api {

std::string_view word(OverlapPolicy overlap);
std::string_view word(MissedPolicy missed);

// The fields laid over `base`; `job` is the body of the submit in the document, null when it is absent.
// `whole`: name, cron and job must be there.
struct ScheduleChange {
    ScheduleView schedule;
    const rapidjson::Value* job = nullptr;
};
OrProblem<ScheduleChange> parse_schedule(const rapidjson::Value& document, ScheduleView base, bool whole);

// A submit that can be made again and again: without the moments and jobs that are only once. Pointers begin with /job.
OrProblem<SubmittedJob> parse_scheduled_job(const rapidjson::Value& job, const Config::Api& settings);

// The problem of a part as that of the whole: `prefix` goes before each pointer.
Problem below(Problem problem, std::string_view prefix);

// What is wrong with it, as a sentence, or nothing: shared/cron.h.
std::string fault_of_cron(std::string_view line);
std::string fault_of_time_zone(std::string_view name);  // as in the tz database: Europe/Berlin

// The next moments of its plan after `now`, three at most; none while it is paused.
std::vector<WallTime> next_runs(const ScheduleView& schedule, WallTime now);

}  // namespace windlass::api
