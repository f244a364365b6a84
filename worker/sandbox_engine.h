// The engine that runs attempts in boxes on this machine: a Runner together with what it runs them by.
#pragma once

#include <memory>

#include "worker/blob_cache.h"
#include "worker/engine.h"
#include "worker/runner.h"

namespace windlass::worker {

// `services`: null, and this worker takes no job that has one. `clock` must outlive the engine. To be called once.
MakeEngine sandbox_engine(RunnerSettings settings, std::unique_ptr<Sandbox> sandbox, BlobCache cache,
                          const Clock& clock, std::unique_ptr<Services> services = nullptr);

}  // namespace windlass::worker
