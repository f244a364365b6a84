// The one way in by password, behind every login of every family: one throttle, the same work for names that exist and
// names that do not.
#pragma once

#include <functional>

#include "api/accounts_repository.h"
#include "api/auth/login_body.h"
#include "api/call.h"

namespace windlass::api {

struct LoginVerdict {
    enum class Kind {
        good,
        unknown,         // there is no such account, or it is disabled
        wrong_password,  // or it has none yet
    };
    Kind kind = Kind::unknown;
    LoginAccount account;  // of a good one
};

// `render` is called when the password was looked at, on a front thread, and answers in the family's words. A login
// that the throttle holds back is a 429 and one that a foreign page asks for a 403, without it.
using RenderLogin = std::function<OrProblem<Reply>(const Call& call, const LoginVerdict& verdict)>;
OrProblem<Reply> log_in(const Call& call, LoginBody login, RenderLogin render);

}  // namespace windlass::api
