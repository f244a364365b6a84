// The family "monitoring".
#include <array>

#include "api/auth/handlers.h"
#include "api/oidc/handlers.h"
#include "api/routes.h"

namespace windlass::api {
namespace {

constexpr std::array<std::string_view, 1> login_parameters = {"return_to"};
constexpr std::array<std::string_view, 8> callback_parameters = {
    "state", "code", "error", "error_description", "error_uri", "iss", "session_state", "scope"};

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
};

}  // namespace

std::span<const Route> monitoring_routes() {
    return table;
}

}  // namespace windlass::api
