// The handlers of logins, sessions and API tokens; one file per resource.
#pragma once

#include "api/call.h"

namespace windlass::api {

// logins.cpp, in the order of the families
OrProblem<Reply> authenticate(const Call& call);
OrProblem<Reply> courses_login(const Call& call);
OrProblem<Reply> monitoring_login(const Call& call);
OrProblem<Reply> accounts_login(const Call& call);
OrProblem<Reply> images_login(const Call& call);
OrProblem<Reply> images_token(const Call& call);
// logouts.cpp
OrProblem<Reply> courses_logout(const Call& call);
OrProblem<Reply> monitoring_logout(const Call& call);
OrProblem<Reply> images_logout(const Call& call);
// tokens.cpp
OrProblem<Reply> list_tokens(const Call& call);
OrProblem<Reply> create_token(const Call& call);
OrProblem<Reply> revoke_token(const Call& call);
OrProblem<Reply> generate_api_key(const Call& call);
// sessions.cpp
OrProblem<Reply> list_sessions(const Call& call);
OrProblem<Reply> end_one_session(const Call& call);

}  // namespace windlass::api
