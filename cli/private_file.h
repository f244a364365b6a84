// Small files that only their owner may read: credentials, secrets, the endpoint.
#pragma once

#include <string>
#include <string_view>

#include "shared/result.h"

namespace windlass::cli {

// Written beside, synced, renamed over: a reader sees the old text or the new one. `mode` e.g. 0600.
Status write_private_file(const std::string& path, std::string_view text, unsigned mode = 0600);
// Whole file. not_found when it does not exist.
Result<std::string> read_file(const std::string& path);
// The directory and those above it, new ones with 0700.
Status make_private_directories(const std::string& path);

// $XDG_…_HOME/windlass, or the default below $HOME.
Result<std::string> config_home();  // ~/.config/windlass
Result<std::string> data_home();    // ~/.local/share/windlass

}  // namespace windlass::cli
