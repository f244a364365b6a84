// The handlers of logins by OpenID Connect.
#pragma once

#include "api/call.h"

namespace windlass::api {

// oauth.cpp
OrProblem<Reply> oauth_login(const Call& call);
OrProblem<Reply> oauth_callback(const Call& call);

}  // namespace windlass::api
