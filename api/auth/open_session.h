// What every login ends with, by password or by a provider of OpenID Connect.
#pragma once

#include "api/auth/cookies.h"
#include "api/call.h"

namespace windlass::api {

struct OpenedSession {
    std::string access_token;
    std::int64_t expires_in_s = 0;  // of the access token
    Cookies cookies;                // access_token, refresh_token and the readable claims
};

// Makes the session: committed when this returns. 401: the account is disabled or gone.
OrProblem<OpenedSession> open_session(const Call& call, UserId account);

// The end of the caller's own session, if it came by one: committed, and forgotten, when this returns.
Status end_session(const Call& call, const Principal& principal);

}  // namespace windlass::api
