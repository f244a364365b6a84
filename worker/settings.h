// From the configuration all programs share to what the parts of a worker want to know. Asks the machine for its name,
// cores and memory where the configuration leaves them open.
#pragma once

#include "shared/config.h"
#include "worker/agent.h"
#include "worker/disk_room.h"
#include "worker/images/import.h"
#include "worker/kubernetes/engine.h"
#include "worker/runner.h"
#include "worker/sandbox/sandbox.h"
#include "worker/slurm/engine.h"

namespace windlass::worker {

struct WorkerSettings {
    AgentSettings agent;  // without random and on_ready
    enum class Backend { sandbox, slurm, kubernetes } backend = Backend::sandbox;
    // Of backend sandbox:
    RunnerSettings runner;
    SandboxSettings sandbox;
    // Of backend slurm, without site.identity:
    slurm::EngineSettings slurm;
    // Of backend kubernetes:
    kubernetes::EngineSettings kubernetes;
    // Of all:
    std::string state_directory;
    std::int64_t cache_bytes = 0;  // of state_directory/blobs
    DiskRoom::Mark disk_low;
    std::optional<wire::Endpoint> service_listen;
    std::string site_directory;  // of SiteStore
    ImportSettings import;
    std::string metrics_listen;  // as in the configuration
};

// invalid: a setting that cannot be, with the sentence that says which.
Result<WorkerSettings> derive_settings(const Config& config);

// "windlass-" and the name of the worker, with "_" for whatever cannot stand in the name of a cgroup.
std::string default_cgroup(const std::string& worker_name);

}  // namespace windlass::worker
