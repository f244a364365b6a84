// Values of a job or a result in the form in which a column of text keeps them. Internal to the SQL stores.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "shared/outcome.h"
#include "shared/result.h"

namespace windlass::scheduler {

// Text as both engines keep it: UTF-8 without NUL. What is not becomes U+FFFD. The API refuses such input at its edge;
// a message of a worker that slipped through must not stop every later commit.
std::string storable(std::string_view text);

using Environment = std::map<std::string, std::string>;
std::string environment_json(const Environment& environment);
Result<Environment> environment_of(std::string_view json);

std::string files_json(const std::vector<ResultFile>& files);
// The contents of those that were stored, each once.
Result<std::set<std::string>> stored_files_of(std::string_view json);

}  // namespace windlass::scheduler
