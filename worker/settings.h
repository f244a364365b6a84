// From the configuration all programs share to what the parts of a worker want to know. Asks the machine for its name,
// cores and memory where the configuration leaves them open.
#pragma once

#include "shared/config.h"
#include "worker/agent.h"
#include "worker/images/import.h"
#include "worker/sandbox/sandbox.h"

namespace windlass::worker {

struct WorkerSettings {
    AgentSettings agent;  // without random and on_ready
    SandboxSettings sandbox;
    std::string state_directory;
    std::int64_t cache_bytes = 0;  // of state_directory/blobs
    std::optional<wire::Endpoint> service_listen;
    std::string metrics_listen;    // as in the configuration
    std::string site_directory;  // of SiteStore
    ImportSettings import;
};

// invalid: a setting that cannot be, with the sentence that says which.
Result<WorkerSettings> derive_settings(const Config& config);

// "windlass-" and the name of the worker, with "_" for whatever cannot stand in the name of a cgroup.
std::string default_cgroup(const std::string& worker_name);

}  // namespace windlass::worker
