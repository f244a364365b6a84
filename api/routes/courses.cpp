// The family "courses".
#include "api/auth/handlers.h"
#include "api/routes.h"

namespace windlass::api {
namespace {

constexpr Route table[] = {
    {"POST", "/v1/login/", Family::courses, Access::anyone, Scope::none, courses_login, "Log in with a password"},
    {"GET", "/v1/logout/", Family::courses, Access::anyone, Scope::none, courses_logout,
     "Log out; also without a session"},
};

}  // namespace

std::span<const Route> courses_routes() {
    return table;
}

}  // namespace windlass::api
