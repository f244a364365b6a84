// The family "monitoring".
#include <array>

#include "api/auth/handlers.h"
#include "api/monitoring/handlers.h"
#include "api/monitoring/job_filter.h"
#include "api/monitoring/live.h"
#include "api/oidc/handlers.h"
#include "api/routes.h"

namespace windlass::api {
namespace {

constexpr std::array<std::string_view, 1> login_parameters = {"return_to"};
constexpr std::array<std::string_view, 8> callback_parameters = {
    "state", "code", "error", "error_description", "error_uri", "iss", "session_state", "scope"};

constexpr std::array<std::string_view, 1> tag_parameters = {"job"};

constexpr std::array<std::string_view, 3> job_data_parameters = {"raw", "node", "sampleInterval"};
constexpr std::array<std::string_view, 3> metric_parameters = {"metric", "aggFn", "sampleInterval"};
// Beside precision what InfluxDB knows, for those who send to it, too.
constexpr std::array<std::string_view, 5> write_parameters = {"precision", "org", "bucket", "db", "rp"};

constexpr Route table[] = {
    {"GET", "/auth/oauth/login/", Family::monitoring, Access::anyone, Scope::none, oauth_login,
     "Log in by the site's provider of OpenID Connect", login_parameters},
    {"GET", "/auth/oauth/callback/", Family::monitoring, Access::anyone, Scope::none, oauth_callback,
     "Where the provider sends the browser back to", callback_parameters},
    {"POST", "/api/login", Family::monitoring, Access::anyone, Scope::none, monitoring_login,
     "Log in with a password; without a slash at the end"},
    {"POST", "/api/logout/", Family::monitoring, Access::user, Scope::account_write, monitoring_logout, "Log out"},
    {"POST", "/api/generateAPIKey/", Family::monitoring, Access::admin, Scope::admin, generate_api_key,
     "Make an API token for the scripts of a cluster"},
    {"PUT", "/api/job_start/", Family::monitoring, Access::job_control, Scope::monitoring_write, job_start,
     "Report that a job of a cluster starts"},
    {"PATCH", "/api/job_stop/{id}/", Family::monitoring, Access::job_control, Scope::monitoring_write, job_stop,
     "Report that a job of a cluster has stopped"},
    {"POST", "/api/admin/refresh_metadata/{id}/", Family::monitoring, Access::admin, Scope::admin, refresh_metadata,
     "Compute anew what the metrics of a job came to"},
    {"GET", "/api/jobs", Family::monitoring, Access::user, Scope::monitoring_read, list_monitored_jobs,
     "List jobs of clusters and of our own queue; without a slash at the end", monitored_list_parameters},
    {"GET", "/api/search/all/{term}/", Family::monitoring, Access::user, Scope::monitoring_read, search_all,
     "Is a term a job, or a user?"},
    {"GET", "/api/search/user/{term}/", Family::monitoring, Access::admin, Scope::admin, search_users,
     "List users with jobs whose names contain a term"},
    {"POST", "/api/tags/add_tag/", Family::monitoring, Access::user, Scope::monitoring_write, add_tag,
     "Put a tag on a job", tag_parameters},
    {"POST", "/api/tags/remove_tag/", Family::monitoring, Access::user, Scope::monitoring_write, remove_tag,
     "Take a tag from a job", tag_parameters},
    {"GET", "/api/config/", Family::monitoring, Access::admin, Scope::admin, show_config,
     "The configuration: metrics, partitions, categories"},
    {"PATCH", "/api/config/update/", Family::monitoring, Access::admin, Scope::admin, update_config,
     "Change the configuration"},
    {"POST", "/api/notify/admin/", Family::monitoring, Access::anyone, Scope::none, notify_admin,
     "Ask the admins for access"},
    {"GET", "/api/admin/notices/", Family::queue, Access::admin, Scope::admin, list_notices,
     "What people asked the admins for"},
    {"DELETE", "/api/admin/notices/{id}/", Family::queue, Access::admin, Scope::admin, delete_notice,
     "Remove such an entry"},
    {"GET", "/api/ping/", Family::monitoring, Access::anyone, Scope::none, ping, "Is somebody there?"},
    {"GET", "/api/job/{id}/", Family::monitoring, Access::user, Scope::monitoring_read, show_job_data,
     "What a job used", job_data_parameters},
    {"GET", "/api/metric/{id}/", Family::monitoring, Access::user, Scope::monitoring_read, show_job_metric,
     "One metric of a job", metric_parameters},
    {"POST", "/api/write/", Family::monitoring, Access::job_control, Scope::monitoring_write, write_metrics,
     "Write metrics of nodes", write_parameters, Creates::no, Links::no, false},
    {"GET", "/api/live/{id}/", Family::monitoring, Access::admin, Scope::admin, live_job,
     "Follow what a running job uses, by WebSocket or as events"},
    {"GET", "/api/live/{id}/events/", Family::monitoring, Access::admin, Scope::admin, live_job_events,
     "Follow what a running job uses, as events"},
    {"GET", "/api/admin/livelog/", Family::monitoring, Access::admin, Scope::admin, live_log,
     "Follow the log of this api process, by WebSocket or as events"},
    {"GET", "/api/admin/livelog/events/", Family::monitoring, Access::admin, Scope::admin, live_log_events,
     "Follow the log of this api process, as events"},
};

}  // namespace

std::span<const Route> monitoring_routes() {
    return table;
}

}  // namespace windlass::api
