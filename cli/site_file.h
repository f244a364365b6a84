// Where the settings of a site are on this machine: what `windlass init` made, or a person wrote.
#pragma once

#include <optional>
#include <string>

#include "shared/config.h"
#include "shared/result.h"

namespace windlass::cli {

inline constexpr const char* system_site_file = "/etc/windlass/windlass.toml";

struct Site {
    std::string file;         // empty: the settings of a `windlass dev` that has no file
    std::string worker_file;  // of the worker on this machine: worker.toml beside it, else the same
    Config config;            // its worker's part from worker_file
};

// The site's file of one person, beside the data: DATA/windlass.toml.
std::string site_file_in(const std::string& data_directory);

// `file` if it is named; else WINDLASS_CONFIG; else that of one's own data directory; else the system's. Variables
// count, too, as for the daemons. Nothing: there is none, this machine is a client.
//   denied   it is there and may not be read
//   invalid  what stands in it cannot be
Result<std::optional<Site>> find_site(const std::string& file);
// The settings in one file, below those of the environment.
Result<Config> read_site_file(const std::string& file);

}  // namespace windlass::cli
