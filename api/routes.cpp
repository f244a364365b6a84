#include "api/routes.h"

#include <array>

#include "api/handlers.h"
#include "api/job_parameters.h"

namespace windlass::api {
namespace {

constexpr std::array<std::string_view, 3> log_parameters = {"stream", "follow", "encoding"};
constexpr std::array<std::string_view, 1> reason_parameter = {"reason"};
constexpr std::array<std::string_view, 3> member_parameters = {"limit", "after", "status"};
constexpr std::array<std::string_view, 2> page_parameters = {"limit", "after"};
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
    {"DELETE", "/api/jobs/{id}/", "jobs", Access::user, cancel_job, "Cancel a job", reason_parameter},
    {"POST", "/api/jobs/cancel/", "jobs", Access::user, cancel_jobs, "Cancel many jobs, by their ids or by a filter"},
    {"POST", "/api/jobs/{id}/rerun/", "jobs", Access::user, rerun_job, "Submit a job again, with changes"},
    {"GET", "/api/jobs/{id}/members/", "jobs", Access::user, list_members, "The members of an array",
     member_parameters},
    {"GET", "/api/jobs/{id}/events/", "jobs", Access::user, job_events, "Every transition of a job"},
    {"GET", "/api/jobs/{id}/attempts/", "jobs", Access::user, job_attempts, "How each attempt of a job ended"},
    {"GET", "/api/jobs/{id}/log/", "jobs", Access::user, job_log, "What a job has printed, or prints", log_parameters},
    {"GET", "/api/jobs/{id}/why/", "jobs", Access::user, why_job, "Why a job is still waiting, in a sentence"},

    {"GET", "/api/results/", "jobs", Access::user, list_results, "List the results of finished jobs", list_parameters},
    {"GET", "/api/results/{id}/", "jobs", Access::user, show_result, "One result; may wait for it", wait_parameters},
    {"GET", "/api/results/{id}/files/{path...}", "jobs", Access::user, result_file,
     "The bytes of a file that a job left"},

    {"GET", "/api/blobs/", "queue", Access::user, list_blobs, "List one's own uploads", page_parameters},
    {"PUT", "/api/blobs/{sha256}/", "queue", Access::user, put_blob, "Upload an input file, whole or a piece of it"},
    {"GET", "/api/blobs/{sha256}/", "queue", Access::user, get_blob, "The bytes of an upload, or how much has come"},
    {"DELETE", "/api/blobs/{sha256}/", "queue", Access::user, delete_blob, "Delete an upload"},

    {"GET", "/api/schedules/", "queue", Access::user, list_schedules, "List recurring jobs"},
    {"POST", "/api/schedules/", "queue", Access::user, create_schedule, "Create a recurring job"},
    {"GET", "/api/schedules/{id}/", "queue", Access::user, show_schedule, "One recurring job"},
    {"PATCH", "/api/schedules/{id}/", "queue", Access::user, change_schedule, "Change a recurring job"},
    {"DELETE", "/api/schedules/{id}/", "queue", Access::user, delete_schedule, "Delete a recurring job"},
    {"POST", "/api/schedules/{id}/pause/", "queue", Access::user, pause_schedule, "Pause a recurring job"},
    {"POST", "/api/schedules/{id}/resume/", "queue", Access::user, resume_schedule, "Resume a recurring job"},
    {"POST", "/api/schedules/{id}/run/", "queue", Access::user, run_schedule, "Run a recurring job now"},

    {"GET", "/api/queues/", "queue", Access::user, list_queues, "List the named queues"},
    {"GET", "/api/queues/{name}/", "queue", Access::user, show_queue, "One named queue"},
    {"PUT", "/api/queues/{name}/", "queue", Access::admin, put_queue, "Make or change a named queue"},
    {"DELETE", "/api/queues/{name}/", "queue", Access::admin, delete_queue, "Remove a named queue"},
    {"POST", "/api/queues/{name}/hold/", "queue", Access::admin, hold_queue, "Start nothing more of a queue"},
    {"POST", "/api/queues/{name}/release/", "queue", Access::admin, release_queue, "Let a held queue go on"},

    {"GET", "/api/workers/", "queue", Access::admin, list_workers, "List the workers"},
    {"POST", "/api/workers/{name}/drain/", "queue", Access::admin, drain_worker, "Give a worker nothing more"},
    {"POST", "/api/workers/{name}/resume/", "queue", Access::admin, resume_worker, "End the drain of a worker"},
    {"POST", "/api/workers/{name}/forget/", "queue", Access::admin, forget_worker,
     "A worker is dead: its attempts are lost now"},

    {"GET", "/api/quotas/", "queue", Access::admin, list_quotas, "List the quotas of tiers and users"},
    {"GET", "/api/quotas/me/", "queue", Access::user, own_quota, "One's own quota, and what of it is used"},
    {"GET", "/api/quotas/{subject}/", "queue", Access::admin, show_quota, "The quota of a tier or a user"},
    {"PUT", "/api/quotas/{subject}/", "queue", Access::admin, put_quota, "Set the quota of a tier or a user"},
    {"DELETE", "/api/quotas/{subject}/", "queue", Access::admin, delete_quota, "Remove the quota of a tier or a user"},

    {"GET", "/healthz", "operations", Access::anyone, health, "The process answers"},
    {"GET", "/readyz", "operations", Access::anyone, ready, "Scheduler and database can be reached"},
    {"GET", "/metrics", "operations", Access::anyone, metrics, "Figures, as Prometheus text"},
};

}  // namespace

std::span<const Route> routes() {
    return table;
}

}  // namespace windlass::api
