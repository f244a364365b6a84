// What `windlass init` makes, and where. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/dev_plan.h"
#include "cli/supervisor.h"
#include "shared/config.h"

namespace windlass::cli {

struct InitSettings {
    std::string data;      // directory of all that stays, absolute
    std::string file;      // of the settings
    std::string database;  // empty: SQLite in the data directory
    std::string listen;    // of the api; empty: the default
    bool site = false;     // for the units of systemd; else for `windlass dev` by one person
};

// The settings file: only what differs from the defaults.
std::string settings_text(const InitSettings& settings);

// Scheduler and api, once, so that tables and first admin are made: with the settings in `file`, but at addresses of
// their own in `sockets`, so that nobody is disturbed and nobody comes in. `user` (empty: the caller) runs them.
std::vector<Service> plan_first_start(const std::string& file, const DevPlaces& places, const std::string& user,
                                      const std::map<std::string, std::string>& inherited);

// The three commands to go on with.
std::vector<std::string> next_commands(const InitSettings& settings, bool is_default_data);

// Where the api of these settings is reached from its own machine; empty when it listens on a unix socket.
std::string url_of(const Config& config);

}  // namespace windlass::cli
