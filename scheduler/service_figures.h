// The figures of the scheduler, by name.
#pragma once

#include "scheduler/api_desk.h"
#include "scheduler/turns.h"
#include "scheduler/worker_desk.h"
#include "shared/figures.h"

namespace windlass::scheduler {

void add_service_figures(figures::Families& families, const Turns& turns, const WorkerDesk& workers,
                         const ApiDesk& apis, std::int64_t epoch);

}  // namespace windlass::scheduler
