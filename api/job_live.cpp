// GET /api/jobs/{id}/live/: what happens to a job and what it prints, by WebSocket.
#include <utility>

#include "api/find_job.h"
#include "api/handlers.h"
#include "api/job_parameters.h"
#include "api/job_stream.h"
#include "api/line_feed.h"

namespace windlass::api {
namespace {

// Where the follower was: the positions of the last event and the last piece of output that it got.
OrProblem<EventPosition> parse_events_after(const Call& call, JobId id) {
    const auto text = call.query("events_after");
    if (text.empty()) return EventPosition{};
    const auto position = EventPosition::parse(text);
    const auto refused = [] {
        return bad_field("?events_after", "events_after is the position of an event that this job has had, e.g. 3.");
    };
    if (!position) return refused();
    // A number that is yet to come would hide all events before it.
    if (position->seq > 0) {
        WINDLASS_TRY(const auto known, call.app.jobs.events(id, position->seq - 1));
        if (known.empty()) return refused();
    }
    return EventPosition{position->seq, false};
}

OrProblem<LogPosition> parse_log_after(const Call& call, AttemptNumber newest) {
    const auto text = call.query("log_after");
    if (text.empty()) return LogPosition{newest, {}, false};
    auto position = LogPosition::parse(text);
    if (!position || position->attempt > newest)
        return bad_field("?log_after",
                         "log_after is the position of output that this job has had, e.g. 1:out:4711:err:12.");
    position->end = false;
    return *std::move(position);
}

}  // namespace

OrProblem<Reply> job_live(const Call& call) {
    WINDLASS_TRY(const auto id, path_job(call));
    WINDLASS_TRY(const auto standing, visible_standing(call, id));
    WINDLASS_TRY(const auto events, parse_events_after(call, id));
    WINDLASS_TRY(const auto log, parse_log_after(call, standing.attempt));
    WINDLASS_TRY(auto source, follow_job(call, id, events, log));
    return Reply(Upgrade{std::make_shared<LineFeed>(std::move(source), "the job has ended")});
}

}  // namespace windlass::api
