// The families of the contract: each has its own way to say that something did not work.
#pragma once

#include <string_view>

#include "api/problem.h"

namespace windlass::api {

enum class Family {
    jobs,        // users, jobs, results
    queue,       // what lies beyond the documents: blobs, schedules, queues, workers, quotas, tokens, audit
    operations,  // health, metrics
    courses,
    monitoring,
    accounts,
    images,
};

std::string_view name_of(Family family);  // "jobs"; the tag in the OpenAPI document

// Of a path that no route has: an unknown path is refused in the words of the family it looks like.
Family family_of_path(std::string_view path);

// The answer that tells a client of `family` about `problem`:
//   jobs, queue, operations   RFC 9457 problem+json
//   courses                   {"error": true, "message": detail}
//   monitoring                detail as text
//   accounts, images          {"<field>": ["..."]} if the problem has errors (pointer "" is "non_field_errors"), else
//                             {"detail": detail}
// Status, headers and Retry-After are the same in all of them.
Response render_problem(Family family, const Problem& problem, std::string_view request_id);

}  // namespace windlass::api
