// Whether, and after which pause, a job is tried again. Pure functions.
#pragma once

#include "scheduler/queue_io.h"

namespace windlass::scheduler {

// An attempt ended through the job's own fault. Without a rule: always.
bool is_tried_again_after(const AttemptFinished& event, const std::optional<RetryOn>& rule);

// The pause after the n-th ending (from 1): delay x 2^(n-1), at most `longest`, less a jitter of up to a half that
// depends on (job, attempt) alone, so that jobs which failed together do not all come back together, and the same
// events give the same pauses.
Microseconds retry_pause(Milliseconds delay, Milliseconds longest, int n, const AttemptRef& attempt);

}  // namespace windlass::scheduler
