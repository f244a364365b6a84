// The job that this person last submitted to a server from this machine: what `last` means.
#pragma once

#include <string>

#include "shared/result.h"

namespace windlass::cli {

// Best effort: a home that cannot be written does not keep a job from being submitted.
void remember_last_job(const std::string& server_url, const std::string& id);
// not_found: none was submitted to this server from here.
Result<std::string> last_job(const std::string& server_url);

}  // namespace windlass::cli
