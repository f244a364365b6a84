// Which jobs a person means: "100000042", "last", "1,3,5-8", "10-30:5". Pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "shared/result.h"

namespace windlass::cli {

inline constexpr std::size_t most_jobs = 10'000;  // of one command; what the server takes at once

// Ids in the order in which they were named, each once. `last` says which job that word means; it is asked only when
// the word is there.
//   invalid: no number, a range that runs backwards, more than most_jobs
Result<std::vector<std::string>> job_ids(const std::vector<std::string>& words,
                                         const std::function<Result<std::string>()>& last);

}  // namespace windlass::cli
