// What the queue needs to know of a job, from what its owner said of it.
#pragma once

#include "scheduler/queue_io.h"
#include "shared/job.h"

namespace windlass::scheduler {

// Without dependencies and shape: they are not in the spec.
NewJob seed_from(UserId owner, const JobSpec& spec);

// The parts of it that stand in job.details: rules, labels and resources.
void add_details(const JobSpec& spec, NewJob& seed);

}  // namespace windlass::scheduler
