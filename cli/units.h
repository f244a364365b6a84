// Sizes and durations as people write them.
#pragma once

#include <cstdint>
#include <string_view>

#include "shared/result.h"

namespace windlass::cli {

// "4096", "512K", "512KiB", "1.5G", "2GiB" (all in powers of 1024), "2GB" (in powers of 1000).
Result<std::int64_t> parse_bytes(std::string_view text);

// Seconds: "90", "1.5", "90s", "1h30m", "2d", "250ms".
Result<double> parse_seconds(std::string_view text);

}  // namespace windlass::cli
