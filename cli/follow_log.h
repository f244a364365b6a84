// Follows what a job prints until the job has ended, byte for byte, across broken connections and restarts of the
// server.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "cli/server.h"
#include "shared/result.h"

namespace windlass::cli {

using OnOutput = std::function<void(bool standard_error, std::string_view bytes)>;

// `stream`: "stdout", "stderr" or empty for both. Begins with the first byte of the newest attempt; a later attempt
// begins anew. A server that is away is waited for (up to a minute).
Status follow_log(Server& server, const std::string& id, const std::string& stream, const OnOutput& on_output);

}  // namespace windlass::cli
