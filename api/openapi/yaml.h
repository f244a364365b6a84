// A JSON value as YAML 1.2 that readers of YAML 1.1 understand the same way: block style, and in quotes whatever
// somebody could take for something other than text (no, 1e3, 2026-01-31, ~).
#pragma once

#include <rapidjson/document.h>

#include <string>

namespace windlass::api {

// Ends with a newline. Strings must be valid UTF-8.
std::string to_yaml(const rapidjson::Value& value);

}  // namespace windlass::api
