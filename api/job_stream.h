// The answer to somebody who follows a job: the shell around job_following.h. Costs no thread; its memory is one
// FollowBuffer and one piece on its way.
#pragma once

#include <memory>
#include <optional>

#include "api/call.h"
#include "api/job_following.h"
#include "api/sse.h"
#include "shared/ids.h"

namespace windlass::api {

// What is told and not looked at, of one follower. Beyond it the follower reads the tables, at its own pace.
inline constexpr std::size_t follow_buffer_bytes = 256 * 1024;

// `from` is where the follower is. All three end with the job; they break off when whoever asked may not see the job
// any more, which is looked at every 15 seconds.
std::shared_ptr<ChunkSource> follow_events(const Call& call, JobId job, EventPosition from);
std::shared_ptr<ChunkSource> follow_log(const Call& call, JobId job, LogPosition from,
                                        std::optional<OutputStream> stream, LogEncoding encoding);
// The bytes as they are, nothing else.
std::shared_ptr<ChunkSource> follow_bytes(const Call& call, JobId job, LogPosition from, OutputStream stream);

Response event_stream_response(std::shared_ptr<ChunkSource> source);

}  // namespace windlass::api
