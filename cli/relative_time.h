// Times as people say them. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "shared/time.h"

namespace windlass::cli {

// "now", "40 s ago", "3 min ago", "2 h ago", "5 d ago"; "in 3 min" of what is to come.
std::string relative_time(WallTime at, WallTime now);
// "850 ms", "12 s", "3 min 20 s", "2 h 5 min", "3 d 4 h".
std::string duration_text(Milliseconds duration);
// RFC 3339 in UTC, as the server writes times; nullopt: it is none.
std::optional<WallTime> server_time(std::string_view text);
// "512 B", "1.5 KiB", "2.0 GiB".
std::string bytes_text(std::int64_t bytes);

}  // namespace windlass::cli
