// Users, jobs and results, as in the family "jobs".
#include <array>

#include "api/auth/handlers.h"
#include "api/handlers.h"
#include "api/job_parameters.h"
#include "api/routes.h"

namespace windlass::api {
namespace {

constexpr std::array<std::string_view, 3> log_parameters = {"stream", "follow", "encoding"};
constexpr std::array<std::string_view, 2> live_parameters = {"events_after", "log_after"};
constexpr std::array<std::string_view, 1> user_parameter = {"user"};
constexpr std::array<std::string_view, 1> reason_parameter = {"reason"};
constexpr std::array<std::string_view, 3> member_parameters = {"limit", "after", "status"};
constexpr std::array<std::string_view, 1> batch_parameter = {"all_or_nothing"};

constexpr Route table[] = {
    {"POST",
     "/api/users/create/",
     Family::jobs,
     Access::anyone,
     Scope::none,
     create_user,
     "Create an account",
     {},
     Creates::yes},
    {"DELETE", "/api/users/delete/{id}/", Family::jobs, Access::user, Scope::account_write, delete_user,
     "Delete an account: one's own, or as an admin"},
    {"GET", "/api/users/", Family::jobs, Access::admin, Scope::admin, list_users, "List all accounts"},
    {"POST", "/api/users/authenticate/", Family::jobs, Access::anyone, Scope::none, authenticate,
     "Log in: a password for a session token"},
    {"POST",
     "/api/jobs/submit/",
     Family::jobs,
     Access::user,
     Scope::jobs_write,
     submit_job,
     "Submit a job",
     {},
     Creates::yes},
    {"POST", "/api/jobs/submit/batch/", Family::jobs, Access::user, Scope::jobs_write, submit_batch,
     "Submit many jobs at once", batch_parameter, Creates::yes},
    {"GET", "/api/jobs/getqueue/", Family::jobs, Access::user, Scope::jobs_read, list_queue,
     "What waits in the queue, oldest first"},
    {"GET", "/api/jobs/", Family::jobs, Access::user, Scope::jobs_read, list_jobs, "List jobs, newest first",
     job_list_parameters},
    {"GET", "/api/jobs/counts/", Family::jobs, Access::user, Scope::jobs_read, count_jobs,
     "How many jobs are in which state", user_parameter},
    {"GET", "/api/jobs/{id}/", Family::jobs, Access::user, Scope::jobs_read, show_job, "One job; may wait for its end",
     wait_parameters},
    {"DELETE", "/api/jobs/{id}/", Family::jobs, Access::user, Scope::jobs_write, cancel_job, "Cancel a job",
     reason_parameter},
    {"POST", "/api/jobs/cancel/", Family::jobs, Access::user, Scope::jobs_write, cancel_jobs,
     "Cancel many jobs, by their ids or by a filter"},
    {"POST",
     "/api/jobs/{id}/rerun/",
     Family::jobs,
     Access::user,
     Scope::jobs_write,
     rerun_job,
     "Submit a job again, with changes",
     {},
     Creates::yes},
    {"GET", "/api/jobs/{id}/members/", Family::jobs, Access::user, Scope::jobs_read, list_members,
     "The members of an array", member_parameters},
    {"GET", "/api/jobs/{id}/events/", Family::jobs, Access::user, Scope::jobs_read, job_events,
     "Every transition of a job"},
    {"GET", "/api/jobs/{id}/attempts/", Family::jobs, Access::user, Scope::jobs_read, job_attempts,
     "How each attempt of a job ended"},
    {"GET", "/api/jobs/{id}/log/", Family::jobs, Access::user, Scope::jobs_read, job_log,
     "What a job has printed, or prints", log_parameters, Creates::no, Links::yes},
    {"GET", "/api/jobs/{id}/live/", Family::jobs, Access::user, Scope::jobs_read, job_live,
     "All that happens to a job and all that it prints, as it comes: a WebSocket", live_parameters},
    {"GET", "/api/jobs/{id}/why/", Family::jobs, Access::user, Scope::jobs_read, why_job,
     "Why a job is still waiting, in a sentence"},
    {"GET", "/api/results/", Family::jobs, Access::user, Scope::jobs_read, list_results,
     "List the results of finished jobs", list_parameters},
    {"GET", "/api/results/{id}/", Family::jobs, Access::user, Scope::jobs_read, show_result,
     "One result; may wait for it", wait_parameters, Creates::no, Links::yes},
    {"GET",
     "/api/results/{id}/files/{path...}",
     Family::jobs,
     Access::user,
     Scope::jobs_read,
     result_file,
     "The bytes of a file that a job left",
     {},
     Creates::no,
     Links::yes},
};

}  // namespace

std::span<const Route> jobs_routes() {
    return table;
}

}  // namespace windlass::api
