// What lies beyond the documents: uploads, schedules, queues, workers, quotas.
#include <array>

#include "api/auth/handlers.h"
#include "api/handlers.h"
#include "api/routes.h"

namespace windlass::api {
namespace {

constexpr std::array<std::string_view, 2> page_parameters = {"limit", "after"};

constexpr std::array<std::string_view, 4> audit_parameters = {"limit", "before", "from", "account"};

constexpr std::array<std::string_view, 1> user_parameter = {"user"};

constexpr Route table[] = {
    {"GET", "/api/tokens/", Family::queue, Access::session, Scope::account_read, list_tokens, "List one's API tokens",
     user_parameter},
    {"POST", "/api/tokens/", Family::queue, Access::session, Scope::account_write, create_token, "Make an API token"},
    {"DELETE", "/api/tokens/{id}/", Family::queue, Access::session, Scope::account_write, revoke_token,
     "Revoke an API token"},
    {"GET", "/api/sessions/", Family::queue, Access::session, Scope::account_read, list_sessions,
     "List one's sessions: who is logged in, from where", user_parameter},
    {"DELETE", "/api/sessions/{id}/", Family::queue, Access::session, Scope::account_write, end_one_session,
     "End a session"},
    {"GET", "/api/blobs/", Family::queue, Access::user, Scope::jobs_read, list_blobs, "List one's own uploads",
     page_parameters},
    {"PUT", "/api/blobs/{sha256}/", Family::queue, Access::user, Scope::jobs_write, put_blob,
     "Upload an input file, whole or a piece of it"},
    {"GET", "/api/blobs/{sha256}/", Family::queue, Access::user, Scope::jobs_read, get_blob,
     "The bytes of an upload, or how much has come"},
    {"DELETE", "/api/blobs/{sha256}/", Family::queue, Access::user, Scope::jobs_write, delete_blob, "Delete an upload"},
    {"GET", "/api/schedules/", Family::queue, Access::user, Scope::jobs_read, list_schedules, "List recurring jobs"},
    {"POST",
     "/api/schedules/",
     Family::queue,
     Access::user,
     Scope::jobs_write,
     create_schedule,
     "Create a recurring job",
     {},
     Creates::yes},
    {"GET", "/api/schedules/{id}/", Family::queue, Access::user, Scope::jobs_read, show_schedule, "One recurring job"},
    {"PATCH", "/api/schedules/{id}/", Family::queue, Access::user, Scope::jobs_write, change_schedule,
     "Change a recurring job"},
    {"DELETE", "/api/schedules/{id}/", Family::queue, Access::user, Scope::jobs_write, delete_schedule,
     "Delete a recurring job"},
    {"POST", "/api/schedules/{id}/pause/", Family::queue, Access::user, Scope::jobs_write, pause_schedule,
     "Pause a recurring job"},
    {"POST", "/api/schedules/{id}/resume/", Family::queue, Access::user, Scope::jobs_write, resume_schedule,
     "Resume a recurring job"},
    {"POST",
     "/api/schedules/{id}/run/",
     Family::queue,
     Access::user,
     Scope::jobs_write,
     run_schedule,
     "Run a recurring job now",
     {},
     Creates::yes},
    {"GET", "/api/queues/", Family::queue, Access::user, Scope::jobs_read, list_queues, "List the named queues"},
    {"GET", "/api/queues/{name}/", Family::queue, Access::user, Scope::jobs_read, show_queue, "One named queue"},
    {"PUT", "/api/queues/{name}/", Family::queue, Access::admin, Scope::admin, put_queue,
     "Make or change a named queue"},
    {"DELETE", "/api/queues/{name}/", Family::queue, Access::admin, Scope::admin, delete_queue, "Remove a named queue"},
    {"POST", "/api/queues/{name}/hold/", Family::queue, Access::admin, Scope::admin, hold_queue,
     "Start nothing more of a queue"},
    {"POST", "/api/queues/{name}/release/", Family::queue, Access::admin, Scope::admin, release_queue,
     "Let a held queue go on"},
    {"GET", "/api/workers/", Family::queue, Access::admin, Scope::admin, list_workers, "List the workers"},
    {"POST", "/api/workers/{name}/drain/", Family::queue, Access::admin, Scope::admin, drain_worker,
     "Give a worker nothing more"},
    {"POST", "/api/workers/{name}/resume/", Family::queue, Access::admin, Scope::admin, resume_worker,
     "End the drain of a worker"},
    {"POST", "/api/workers/{name}/forget/", Family::queue, Access::admin, Scope::admin, forget_worker,
     "A worker is dead: its attempts are lost now"},
    {"POST", "/api/workers/{name}/enrol/", Family::queue, Access::admin, Scope::admin, enrol_worker,
     "A one-time token with which a worker of another machine gets its certificate"},
    {"POST", "/api/workers/{name}/revoke/", Family::queue, Access::admin, Scope::admin, revoke_worker,
     "The certificates of a worker are worth nothing any more"},
    {"GET", "/api/usage/", Family::queue, Access::admin, Scope::admin, list_usage,
     "Who waits, who runs: the accounts that have jobs in the queue"},
    {"GET", "/api/quotas/", Family::queue, Access::admin, Scope::admin, list_quotas,
     "List the quotas of tiers and users"},
    {"GET", "/api/quotas/me/", Family::queue, Access::user, Scope::jobs_read, own_quota,
     "One's own quota, and what of it is used"},
    {"GET", "/api/quotas/{subject}/", Family::queue, Access::admin, Scope::admin, show_quota,
     "The quota of a tier or a user"},
    {"PUT", "/api/quotas/{subject}/", Family::queue, Access::admin, Scope::admin, put_quota,
     "Set the quota of a tier or a user"},
    {"DELETE", "/api/quotas/{subject}/", Family::queue, Access::admin, Scope::admin, delete_quota,
     "Remove the quota of a tier or a user"},

    {"POST", "/api/links/", Family::queue, Access::user, Scope::jobs_read, create_link,
     "Make a link that opens a result, a file or a log for whoever has it"},
    {"GET", "/api/audit/", Family::queue, Access::admin, Scope::admin, list_audit, "What was done, by whom, from where",
     audit_parameters},
};

}  // namespace

std::span<const Route> queue_routes() {
    return table;
}

}  // namespace windlass::api
