#include "cli/selected_jobs.h"

#include <fmt/format.h>

#include "cli/last_job.h"

namespace windlass::cli {

Result<std::vector<std::string>> selected_jobs(const Server& server, const std::vector<std::string>& words) {
    return job_ids(words, [&server] { return last_job(server.credentials().url); });
}

Result<std::string> selected_job(const Server& server, const std::string& word) {
    WINDLASS_TRY(const auto ids, selected_jobs(server, {word}));
    if (ids.size() != 1)
        return make_error(ErrorKind::invalid, fmt::format("\"{}\" means {} jobs; name one", word, ids.size()));
    return ids.front();
}

}  // namespace windlass::cli
