// The family "images".
#include "api/auth/handlers.h"
#include "api/routes.h"

namespace windlass::api {
namespace {

constexpr Route table[] = {
    {"POST", "/api/user/jwt-login/", Family::images, Access::anyone, Scope::none, images_login,
     "Log in with a password: the session is in cookies"},
    {"POST", "/api/user/jwt-logout/", Family::images, Access::session, Scope::account_write, images_logout, "Log out"},
    {"POST", "/api/user/token/", Family::images, Access::anyone, Scope::none, images_token,
     "A password for an API token that does not expire"},
};

}  // namespace

std::span<const Route> images_routes() {
    return table;
}

}  // namespace windlass::api
