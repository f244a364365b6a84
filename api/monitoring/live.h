// The live views of the monitoring family, for routes/monitoring.cpp. Each is a WebSocket, and the same as Server-Sent
// Events: below /events/, or when Accept names text/event-stream.
#pragma once

#include "api/call.h"

namespace windlass::api {

// live_log.cpp
OrProblem<Reply> live_log(const Call& call);
OrProblem<Reply> live_log_events(const Call& call);
// live_job.cpp
OrProblem<Reply> live_job(const Call& call);
OrProblem<Reply> live_job_events(const Call& call);

}  // namespace windlass::api
