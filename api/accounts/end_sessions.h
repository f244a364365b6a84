// The one place that ends the sessions of an account: after a change of password, of roles, and when it is disabled or
// deleted.
#pragma once

#include <string_view>

#include "shared/database/session.h"
#include "shared/ids.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

// Inside the caller's transaction. `kept`: the id of the one session that goes on, empty: none does. Takes effect at
// once with Credentials::forget(account), which comes after the commit. API tokens are no sessions and stay.
Status end_sessions(Session& session, UserId account, std::string_view kept, WallTime now);

}  // namespace windlass::api
