// What happened to one job: /events/, /attempts/. What it printed is in job_log.cpp.
#include <utility>

#include "api/find_job.h"
#include "api/handlers.h"
#include "api/job_parameters.h"
#include "api/job_stream.h"
#include "api/render_job.h"
#include "api/results_repository.h"

namespace windlass::api {
namespace {

template <class T, class Write>
Reply array_reply(const std::vector<T>& items, Write write) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartArray();
    for (const T& item : items) write(json, item);
    json.EndArray();
    return json_response(buffer);
}

Problem no_such_event() {
    return make_problem(400, "Last-Event-ID is none that these events had: it is a number, or empty.");
}

}  // namespace

OrProblem<Reply> job_events(const Call& call) {
    WINDLASS_TRY(const auto id, path_job(call));
    WINDLASS_TRY(const auto standing, visible_standing(call, id));
    if (accepts_events(call.request.header("Accept"))) {
        EventPosition from;
        if (const auto last = call.request.header("Last-Event-ID"); !last.empty()) {
            const auto position = EventPosition::parse(last);
            if (!position) return no_such_event();
            from = *position;
            // A number that is yet to come would hide all events before it.
            if (from.seq > 0) {
                WINDLASS_TRY(const auto known, call.app.jobs.events(id, from.seq - 1));
                if (known.empty()) return no_such_event();
            }
        }
        if (from.end && is_final(standing.state)) return Reply(no_content());  // an EventSource stays away after it
        WINDLASS_TRY(auto source, follow_events(call, id, {from.seq, false}));
        return Reply(event_stream_response(std::move(source)));
    }
    WINDLASS_TRY(const auto events, call.app.jobs.events(id));
    return array_reply(events, write_event);
}

OrProblem<Reply> job_attempts(const Call& call) {
    WINDLASS_TRY(const auto id, path_job(call));
    WINDLASS_TRY(const auto standing, visible_standing(call, id));
    WINDLASS_TRY(const auto attempts, call.app.results.attempts(id));
    return array_reply(attempts, write_attempt);
}

}  // namespace windlass::api
