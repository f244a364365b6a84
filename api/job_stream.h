// The answer to somebody who follows a job: the shell around job_following.h. Costs no thread; its memory is one
// FollowBuffer and one piece on its way.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>

#include "api/call.h"
#include "api/job_following.h"
#include "api/sse.h"
#include "shared/ids.h"

namespace windlass::api {

// What is told and not looked at, of one follower. Beyond it the follower reads the tables, at its own pace.
inline constexpr std::size_t follow_buffer_bytes = 256 * 1024;

// Thrown by a source when whoever asked may not see the job any more, which is looked at every 15 seconds.
struct RightsLost : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// `from` is where the follower is. All of them end with the job. 429: the account follows as many as it may.
OrProblem<std::shared_ptr<ChunkSource>> follow_events(const Call& call, JobId job, EventPosition from);
OrProblem<std::shared_ptr<ChunkSource>> follow_log(const Call& call, JobId job, LogPosition from,
                                                   std::optional<OutputStream> stream, LogEncoding encoding);
// Events and both streams of output together, in the order in which they happened from the moment on at which the
// follower has caught up; as lines of JSON (append_json_line), the end of the job last.
OrProblem<std::shared_ptr<ChunkSource>> follow_job(const Call& call, JobId job, EventPosition events,
                                                   const LogPosition& log);
// The bytes as they are, nothing else.
OrProblem<std::shared_ptr<ChunkSource>> follow_bytes(const Call& call, JobId job, LogPosition from,
                                                     OutputStream stream);

Response event_stream_response(std::shared_ptr<ChunkSource> source);

}  // namespace windlass::api
