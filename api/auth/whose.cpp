#include "api/auth/whose.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "api/accounts_repository.h"

namespace windlass::api {

bool may_administer_access(const Principal& principal) {
    return principal.is_admin() && principal.scopes.allows(Scope::admin);
}

OrProblem<UserId> whose(const Call& call) {
    const auto user = call.query("user");
    if (user.empty()) return call.principal.id;
    UserId id;
    const auto [end, failed] = std::from_chars(user.data(), user.data() + user.size(), id.value);
    const bool number = failed == std::errc() && end == user.data() + user.size() && id.value > 0;
    if (number && id == call.principal.id) return id;
    if (!may_administer_access(call.principal)) return make_problem(403, "Other people's are for admins to see.");
    if (number) return id;
    WINDLASS_TRY(const auto account, call.app.accounts.by_login_name(std::string(user)));
    if (!account) return not_found("There is no account of this name.");
    return account->id;
}

std::optional<UserId> owner_limit(const Principal& principal) {
    return may_administer_access(principal) ? std::nullopt : std::optional(principal.id);
}

}  // namespace windlass::api
