// The query parameters and path parts that the job resources share, as domain values.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "api/call.h"
#include "api/jobs_repository.h"
#include "shared/time.h"

namespace windlass::api {

inline constexpr std::array<std::string_view, 6> list_parameters = {"limit", "after", "status", "tag", "queue", "q"};
inline constexpr std::array<std::string_view, 8> job_list_parameters = {"limit", "after", "status",  "tag",
                                                                        "queue", "q",     "details", "user"};
inline constexpr std::array<std::string_view, 1> wait_parameters = {"wait"};

struct ListQuery {
    std::optional<int> limit;      // 1..1000; none: everything
    std::int64_t before = newest;  // the cursor: ids below it
    std::optional<JobState> status;
    std::string tag;        // empty: any
    std::string queue;      // empty: any
    std::string name_part;  // in the form of name_key(); empty: any name
};
OrProblem<ListQuery> parse_list_query(const Call& call);

// `?wait=`: 0 to 60 seconds, a fraction is fine; none: 0.
OrProblem<Milliseconds> parse_wait(const Call& call);

Visible visible_to(const Principal& principal);
// The same, or for admins that of the account in ?user=. 403, 404.
OrProblem<Visible> wanted_of(const Call& call);

// The job of the path. 404 for what is no id as for what is not there: nobody learns which ids exist.
OrProblem<JobId> path_job(const Call& call);
Problem no_such_job(const Call& call);

// The Link header of a page that is not the last: the same resource (`path`), from the cursor on; the other parameters
// stay.
std::string next_link(const Call& call, std::string_view path, std::int64_t cursor);

}  // namespace windlass::api
