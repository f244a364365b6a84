#include "api/links/link_principal.h"

#include "api/accounts_repository.h"
#include "api/auth/signing_keys.h"
#include "api/links/signed_link.h"

namespace windlass::api {

OrProblem<Principal> principal_of_link(const App& app, const Request& request) {
    const auto closed = [] { return not_found("This link is not good, or no longer."); };
    const auto account = check_signed(*app.signing_keys.get(), request.target, app.clock.now().wall);
    if (!account) return closed();
    WINDLASS_TRY(auto principal, app.accounts.principal_by_id(*account));
    if (!principal) return closed();
    // What the account may see itself; not what it may see of others as an admin.
    principal->roles = Role::user;
    principal->scopes = Scopes();
    principal->scopes.add(Scope::jobs_read);
    principal->scopes.add(Scope::images_read);
    return *std::move(principal);
}

}  // namespace windlass::api
