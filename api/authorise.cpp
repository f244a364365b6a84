#include "api/authorise.h"

#include <fmt/format.h>

namespace windlass::api {
namespace {

std::optional<Problem> unless(bool allowed, std::string_view sentence) {
    if (allowed) return std::nullopt;
    return make_problem(403, std::string(sentence));
}

std::optional<Problem> refusal_by_role(Access access, const Principal& principal) {
    const bool admin = principal.is_admin();
    switch (access) {
        case Access::anyone:
        case Access::session:
            return std::nullopt;
        case Access::user:
            return unless(admin || principal.roles.has(Role::user), "This needs an account with the role user.");
        case Access::job_control:
            return unless(admin || principal.roles.has(Role::job_control),
                          "This needs an account with the role job-control.");
        case Access::admin:
            return unless(admin, "This is for admins.");
        case Access::unset:
            break;
    }
    return make_problem(403, "Nobody may call this.");
}

}  // namespace

std::optional<Problem> refusal_of(const Route& route, const Principal& principal) {
    if (auto refusal = refusal_by_role(route.access, principal)) return refusal;
    if (principal.scopes.allows(route.scope)) return std::nullopt;
    return make_problem(403, fmt::format("This token was made without the scope {}.", name_of(route.scope)));
}

}  // namespace windlass::api
