// The jobs that a person names at a server: job_words.h, with what `last` means there.
#pragma once

#include <string>
#include <vector>

#include "cli/job_words.h"
#include "cli/server.h"

namespace windlass::cli {

Result<std::vector<std::string>> selected_jobs(const Server& server, const std::vector<std::string>& words);
// invalid when the word means several.
Result<std::string> selected_job(const Server& server, const std::string& word);

}  // namespace windlass::cli
