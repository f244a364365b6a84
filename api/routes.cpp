#include "api/routes.h"

#include <array>

#include "api/handlers.h"
#include "api/job_parameters.h"

namespace windlass::api {
namespace {

constexpr std::array<std::string_view, 3> log_parameters = {"stream", "follow", "encoding"};
constexpr std::array<std::string_view, 1> batch_parameter = {"all_or_nothing"};

// A literal segment wins over {id}. To add a route: a line here, a handler in handlers.h, its tests, a line in
// docs/api.md.
constexpr Route table[] = {
    {"POST", "/api/users/create/", "jobs", Access::anyone, create_user, "Create an account"},
    {"DELETE", "/api/users/delete/{id}/", "jobs", Access::user, delete_user,
     "Delete an account: one's own, or as an admin"},
    {"GET", "/api/users/", "jobs", Access::admin, list_users, "List all accounts"},
    {"POST", "/api/users/authenticate/", "jobs", Access::anyone, authenticate,
     "Log in: a password for a session token"},

    {"POST", "/api/jobs/submit/", "jobs", Access::user, submit_job, "Submit a job"},
    {"POST", "/api/jobs/submit/batch/", "jobs", Access::user, submit_batch, "Submit many jobs at once",
     batch_parameter},
    {"GET", "/api/jobs/getqueue/", "jobs", Access::user, list_queue, "What waits in the queue, oldest first"},
    {"GET", "/api/jobs/", "jobs", Access::user, list_jobs, "List jobs, newest first", list_parameters},
    {"GET", "/api/jobs/{id}/", "jobs", Access::user, show_job, "One job; may wait for its end", wait_parameters},
    {"DELETE", "/api/jobs/{id}/", "jobs", Access::user, cancel_job, "Cancel a job"},
    {"GET", "/api/jobs/{id}/events/", "jobs", Access::user, job_events, "Every transition of a job"},
    {"GET", "/api/jobs/{id}/attempts/", "jobs", Access::user, job_attempts, "How each attempt of a job ended"},
    {"GET", "/api/jobs/{id}/log/", "jobs", Access::user, job_log, "What a job has printed, or prints", log_parameters},
    {"GET", "/api/jobs/{id}/why/", "jobs", Access::user, why_job, "Why a job is still waiting, in a sentence"},

    {"GET", "/api/results/", "jobs", Access::user, list_results, "List the results of finished jobs", list_parameters},
    {"GET", "/api/results/{id}/", "jobs", Access::user, show_result, "One result; may wait for it", wait_parameters},
    {"GET", "/api/results/{id}/files/{path...}", "jobs", Access::user, result_file,
     "The bytes of a file that a job left"},

    {"GET", "/healthz", "operations", Access::anyone, health, "The process answers"},
    {"GET", "/readyz", "operations", Access::anyone, ready, "Scheduler and database can be reached"},
    {"GET", "/metrics", "operations", Access::anyone, metrics, "Figures, as Prometheus text"},
};

}  // namespace

std::span<const Route> routes() {
    return table;
}

}  // namespace windlass::api
