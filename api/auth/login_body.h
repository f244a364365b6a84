// What a login is asked with, in the words of each family.
#pragma once

#include <string>

#include "api/front/exchange.h"
#include "api/problem.h"

namespace windlass::api {

struct LoginBody {
    std::string username;  // or an e-mail address
    std::string password;
    bool front_end_only = false;
};

// jobs, courses: {"username", "password"}, both required, nothing else.
OrProblem<LoginBody> read_login(const Request& request);
// monitoring: {"Username", "Password", "FrontendOnly"}, in any case; null is absent, other keys are ignored.
OrProblem<LoginBody> read_monitoring_login(const Request& request);
// accounts: JSON (else 415); other keys are ignored; faults as a field map.
OrProblem<LoginBody> read_accounts_login(const Request& request);
// images: JSON or a form (else 415), nothing else in it; faults as a field map.
OrProblem<LoginBody> read_images_login(const Request& request);

}  // namespace windlass::api
