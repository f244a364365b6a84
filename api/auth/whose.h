// Whose tokens or sessions a call is about.
#pragma once

#include <optional>

#include "api/call.h"

namespace windlass::api {

// Of other people's: an admin, by a session or by a token that was made for this.
bool may_administer_access(const Principal& principal);

// The caller, or for admins the account in ?user= (its number, its username or its address). 403, 404.
OrProblem<UserId> whose(const Call& call);

// For what ends something: own things only, or nullopt for those of anybody.
std::optional<UserId> owner_limit(const Principal& principal);

}  // namespace windlass::api
