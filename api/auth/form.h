// Bodies of the type application/x-www-form-urlencoded, read strictly: what could be read in two ways is refused.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/result.h"

namespace windlass::api {

using FormFields = std::vector<std::pair<std::string, std::string>>;

// Names and values decoded ("+" is a space), in order. invalid: an escape that is none, text that is not UTF-8 or holds
// NUL, a name without "=", an empty name or one that comes twice, more than 100 fields, or 64 KiB in all.
Result<FormFields> parse_form(std::string_view body);

}  // namespace windlass::api
