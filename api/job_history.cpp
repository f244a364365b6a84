// What happened to one job: /events/, /attempts/, /why/. What it printed is in job_log.cpp.
#include <fmt/format.h>

#include <utility>

#include "api/find_job.h"
#include "api/handlers.h"
#include "api/job_parameters.h"
#include "api/job_stream.h"
#include "api/render_job.h"
#include "api/results_repository.h"
#include "api/scheduler_link.h"

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

Reply why_reply(JobId job, JobState state, std::string_view why) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    json.Key("id");
    put(json, job.text());
    json.Key("status");
    put(json, name(state));
    json.Key("why");
    put(json, to_valid_utf8(why));
    json.EndObject();
    return json_response(buffer);
}

// For a job that does not wait.
std::string sentence(const JobsRepository::Standing& job) {
    const std::string worker = job.worker.empty() ? "a worker" : "worker " + job.worker;
    switch (job.state) {
        case JobState::blocked:
            return "It waits for other jobs to end.";
        case JobState::queued:
            return "It waits for a free slot.";
        case JobState::starting:
            return fmt::format("Attempt {} was handed to {} and is about to start.", job.attempt, worker);
        case JobState::running:
            return fmt::format("Attempt {} is running on {}.", job.attempt, worker);
        case JobState::succeeded:
        case JobState::failed:
        case JobState::timed_out:
        case JobState::cancelled:
        case JobState::lost:
            break;
    }
    return fmt::format("It has ended: {}.", name(job.state));
}

}  // namespace

OrProblem<Reply> job_events(const Call& call) {
    WINDLASS_TRY(const auto id, path_job(call));
    WINDLASS_TRY(const auto standing, visible_standing(call, id));
    if (accepts_events(call.request.header("Accept"))) {
        EventPosition from;
        if (const auto last = call.request.header("Last-Event-ID"); !last.empty()) {
            const auto position = EventPosition::parse(last);
            if (!position)
                return make_problem(400, "Last-Event-ID is none that these events had: it is a number, or empty.");
            from = *position;
        }
        if (from.end && is_final(standing.state)) return Reply(nothing_more());
        return Reply(event_stream_response(follow_events(call, id, {from.seq, false})));
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

OrProblem<Reply> why_job(const Call& call) {
    WINDLASS_TRY(const auto id, path_job(call));
    WINDLASS_TRY(const auto standing, visible_standing(call, id));
    if (standing.state != JobState::queued && standing.state != JobState::blocked)
        return why_reply(id, standing.state, sentence(standing));
    Later later;
    later.deadline = Seconds{5};
    later.start = [call, id](const Resumer& resume) {
        call.app.scheduler.ask(protocol::ExplainJob{{}, id}, {}, [call, id, resume](Scheduler::Answer got) {
            resume(call.then([call, id, got = std::move(got)]() -> OrProblem<Reply> {
                WINDLASS_TRY(const auto now, visible_standing(call, id));
                if (!got)
                    return why_reply(id, now.state,
                                     "The scheduler is away, so nothing starts; the job stays in the queue.");
                const auto* explained = std::get_if<protocol::JobExplained>(&*got);
                const bool waits = explained != nullptr && !explained->text.empty();
                return why_reply(id, now.state, waits ? explained->text : sentence(now));
            }));
        });
    };
    return Reply(std::move(later));
}

}  // namespace windlass::api
