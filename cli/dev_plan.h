// What `windlass dev` starts, and with which settings. Pure: nothing is touched.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/supervisor.h"
#include "shared/result.h"

namespace windlass::cli {

struct DevSettings {
    std::string listen = "127.0.0.1:8080";
    std::string database;      // empty: sqlite in the data directory
    int slots = 0;             // 0: as many as the machine has cores
    std::string allow_weaker;  // comma-separated, see worker.allow_weaker
};

struct DevPlaces {
    std::string data;               // absolute
    std::string sockets;            // directory
    std::string fingerprint;        // of the data directory
    std::string scheduler_program;  // paths of the executables
    std::string worker_program;
    std::string api_program;
};

// scheduler, worker, api, in this order. The settings travel as WINDLASS_… variables (shared/config.h); those that
// `inherited` already has and that dev has no opinion on are passed on, credentials of the command itself are not.
std::vector<Service> plan_services(const DevSettings& settings, const DevPlaces& places,
                                   const std::map<std::string, std::string>& inherited);

// "http://127.0.0.1:41233" -> "127.0.0.1:41233"
std::string listen_of_url(const std::string& url);

}  // namespace windlass::cli
