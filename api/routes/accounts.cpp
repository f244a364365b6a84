// The family "accounts".
#include "api/auth/handlers.h"
#include "api/routes.h"

namespace windlass::api {
namespace {

constexpr Route table[] = {
    {"POST", "/api/login/", Family::accounts, Access::anyone, Scope::none, accounts_login,
     "Log in with a password; with a slash at the end"},
};

}  // namespace

std::span<const Route> accounts_routes() {
    return table;
}

}  // namespace windlass::api
