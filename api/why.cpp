// /api/jobs/{id}/why/: what keeps a job from running, as a sentence and as fields.
#include <fmt/format.h>

#include <utility>

#include "api/find_job.h"
#include "api/handlers.h"
#include "api/job_parameters.h"
#include "api/json_fields.h"
#include "api/render_job.h"
#include "api/scheduler_link.h"

namespace windlass::api {
namespace {

// `why` is `text` under the name it had first.
Reply why_reply(JobId job, JobState state, const protocol::JobExplained& explained) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_standing(json, job, state);
    for (const char* key : {"why", "text"}) put_any_bytes(json, key, explained.text);
    put_text(json, "reason", explained.reason.empty() ? "not_waiting" : std::string_view(explained.reason));
    put_number(json, "own_jobs_ahead", explained.own_jobs_ahead);
    put_number(json, "users_ahead", explained.users_ahead);
    json.Key("waits_for");
    json.StartArray();
    for (const JobId on : explained.waits_for) put(json, on.text());
    json.EndArray();
    put_time_or_null(json, "not_before", explained.not_before);
    put_time_or_null(json, "estimated_start", explained.estimated_start);
    json.EndObject();
    return json_response(buffer);
}

Reply why_reply(JobId job, JobState state, std::string text, std::string reason = {}) {
    protocol::JobExplained explained;
    explained.text = std::move(text);
    explained.reason = std::move(reason);
    return why_reply(job, state, explained);
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
                                     "The scheduler is away, so nothing starts; the job stays in the queue.",
                                     "scheduler_away");
                const auto* explained = std::get_if<protocol::JobExplained>(&*got);
                if (explained != nullptr && !explained->text.empty()) return why_reply(id, now.state, *explained);
                return why_reply(id, now.state, sentence(now));
            }));
        });
    };
    return Reply(std::move(later));
}

}  // namespace windlass::api
