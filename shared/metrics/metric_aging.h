// What becomes of points that grow old: first means of several take their place, then they go.
//
// Each step works on a bounded number of windows, in the caller's transaction, and may be given up and begun again at
// any time: what was committed is done, what was not comes next.
#pragma once

#include "shared/database/session.h"
#include "shared/metrics/aging_settings.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::metrics {

// Deals with about `at_once` windows, in the caller's transaction. How many it dealt with; 0: none is old enough now.
// A point that comes later than that is taken into the means, which is exact.
Result<std::int64_t> age(Session& session, const AgingSettings& settings, WallTime now, std::int64_t at_once);

}  // namespace windlass::metrics
