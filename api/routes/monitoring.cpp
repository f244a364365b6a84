// The family "monitoring".
#include "api/auth/handlers.h"
#include "api/routes.h"

namespace windlass::api {
namespace {

constexpr Route table[] = {
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
