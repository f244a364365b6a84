// Moments of RFC 3339 ("2026-01-31T09:30:00.125+01:00"), strictly: upper or lower case T and Z, a zone is required,
// leap seconds are refused (nothing here could run in one), at most nine decimals.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "shared/time.h"

namespace windlass::api {

// nullopt: it is none, or no such moment exists (31 April). Decimals beyond microseconds are cut.
std::optional<WallTime> parse_rfc3339(std::string_view text);

std::string time_text(WallTime time);  // "2026-01-31T09:30:00.125Z"

}  // namespace windlass::api
