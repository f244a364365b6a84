// /api/results/: what jobs left.
#include <utility>

#include "api/find_job.h"
#include "api/handlers.h"
#include "api/job_list.h"
#include "api/job_parameters.h"
#include "api/render_job.h"
#include "api/results_repository.h"
#include "api/wait.h"

namespace windlass::api {
namespace {

// The output is read only for a job whose result shows it.
Result<JobOutput> output_of(ResultsRepository& results, const JobOutcome& job) {
    JobOutput output;
    if (!ending_that_counts(job.line)) return output;
    const AttemptRef attempt{job.line.id, job.attempt};
    const AttemptResult& result = job.stored->result;
    if (result.stdout_bytes > 0) {
        WINDLASS_TRY(output.standard_output, results.whole_output(attempt, OutputStream::standard_output));
    }
    if (result.stderr_bytes > 0) {
        WINDLASS_TRY(output.standard_error, results.whole_output(attempt, OutputStream::standard_error));
    }
    return output;
}

OrProblem<Reply> result_reply(const Call& call, const JobOutcome& job) {
    WINDLASS_TRY(const auto output, output_of(call.app.results, job));
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_result(json, job, output, call.app.clock.now().wall);
    return Reply(json_response(buffer));
}

}  // namespace

OrProblem<Reply> list_results(const Call& call) {
    const StateRange ended{JobState::succeeded, JobState::lost};
    return job_list(call, ended, [&app = call.app](JsonWriter& json, const JobLine& line) -> Status {
        WINDLASS_TRY(const auto job, app.results.one(line.id));
        if (!job) return {};
        WINDLASS_TRY(const auto output, output_of(app.results, *job));
        write_result(json, *job, output, app.clock.now().wall);
        return {};
    });
}

OrProblem<Reply> show_result(const Call& call) {
    WINDLASS_TRY(const auto id, path_job(call));
    WINDLASS_TRY(const auto patience, parse_wait(call));
    WINDLASS_TRY(const auto job, visible_result(call, id));
    if (is_final(job.line.state) || patience.count() == 0) return result_reply(call, job);
    return when_ended(call, id, patience, [call, id]() -> OrProblem<Reply> {
        WINDLASS_TRY(const auto now, visible_result(call, id));
        return result_reply(call, now);
    });
}

}  // namespace windlass::api
