// Where the daemons' programs are: beside this one.
#pragma once

#include <string>

#include "shared/result.h"

namespace windlass::cli {

// Full path of `name` (windlass-scheduler, …); not_found when it is not there or cannot be run.
Result<std::string> sibling_program(const std::string& name);

}  // namespace windlass::cli
