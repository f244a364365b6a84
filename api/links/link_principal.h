// Who a signed link acts for.
#pragma once

#include "api/app.h"
#include "api/front/exchange.h"
#include "api/principal.h"
#include "api/problem.h"

namespace windlass::api {

// The account that made the link, as far as it may read jobs now. 404: altered, expired, or the account is gone or
// disabled; nobody learns which.
OrProblem<Principal> principal_of_link(const App& app, const Request& request);

}  // namespace windlass::api
