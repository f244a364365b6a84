// What a submit refers to outside itself: jobs it waits for, files that were uploaded. Neither an id nor a hash is a
// permission.
#pragma once

#include <vector>

#include "api/call.h"
#include "api/submit_parser.h"

namespace windlass::api {

// Makes a problem (422 with the pointer) of every item that waits for a job that is not there or not the owner's (an
// admin's may be anybody's), names a file that the owner has not uploaded or an image or data set that is not there for
// the caller, or wants a network that the caller may not have.
Status refuse_unknown_references(const Call& call, UserId owner, std::vector<OrProblem<SubmittedJob>>& items);

// Stores the files that stood in the submit itself; from then on they are the owner's uploads. 413/429 when they are
// more than his quota of stored bytes.
OrProblem<bool> store_inline_files(const Call& call, UserId owner, std::vector<OrProblem<SubmittedJob>>& items);

// The owner's limit of stored bytes (nullopt: none). 429 when these are too many already: before work is done on them.
// Whoever stores them checks once more, together with what others store meanwhile.
OrProblem<std::optional<std::int64_t>> check_stored_quota(const Call& call, UserId owner, std::int64_t more);
// 429: with these there would be too many.
Problem over_stored_quota(std::int64_t most, std::int64_t stored, std::int64_t more);

}  // namespace windlass::api
