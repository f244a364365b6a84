// A submit that somebody wrote down: JSON with the fields of docs/api.md, Submitting. Pure.
#pragma once

#include <string>
#include <string_view>

#include "shared/result.h"

namespace windlass::cli {

// The body of a submit: what the file says, and over it what `flags` (a body made of the command line, with empty code,
// data and running_commands where nothing was said) says. Maps are replaced as a whole.
//   invalid: the file is no JSON object
Result<std::string> with_job_file(std::string_view file, std::string_view flags);

}  // namespace windlass::cli
