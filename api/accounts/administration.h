// What an admin may do to an account, whatever family asks for it.
#pragma once

#include "api/accounts_repository.h"
#include "api/call.h"

namespace windlass::api {

// Changes it, ends its sessions where that follows, and makes both take effect at once. 404, 409 (the last admin, an
// address in use), 400 (a tier that does not exist).
OrProblem<AccountDetails> administer(const Call& call, UserId account, const AccountChange& change);

// Of other people's accounts: an admin, by a session or by a token that was made for this.
bool may_administer(const Principal& principal);

}  // namespace windlass::api
