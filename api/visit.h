// One request while the server works on it: what has been found out about it, and what its answer will carry beside
// what the handler says. Shared by the steps of an answer that waits; front threads only, one at a time.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/audit/audited.h"
#include "api/auth/cookies.h"
#include "api/router.h"
#include "shared/time.h"

namespace windlass::api {

struct Visit {
    const Request& request;  // lives until its answer is complete
    RouteMatch match;
    SteadyTime began;

    AuditNote note = {};
    std::shared_ptr<void> claim = {};  // of an Idempotency-Key: until the answer is complete
    std::vector<std::pair<std::string, std::string>> headers = {};  // of the answer, whatever it is
    Cookies renewed = {};                                           // of the session; the same
};

}  // namespace windlass::api
