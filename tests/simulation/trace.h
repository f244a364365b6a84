// What happened in a run, line by line, on stderr: for one seed under the magnifying glass (WINDLASS_SIM_TRACE=1).
#pragma once

#include <string>

#include "scheduler/queue_io.h"

namespace windlass::simulation {

bool tracing();
void trace(SteadyTime now, const std::string& what);

std::string describe(const scheduler::Event& event);
std::string describe(const scheduler::Effect& effect);

}  // namespace windlass::simulation
