// The one place that decides who may call a route. Default deny: only what is written in the table of routes is open.
#pragma once

#include <optional>

#include "api/principal.h"
#include "api/problem.h"
#include "api/router.h"

namespace windlass::api {

// nullopt: may call. Else the 403 that says what is missing. `principal` comes from a good credential; what of the
// route's resources it may see is decided by the handler, by owner.
std::optional<Problem> refusal_of(const Route& route, const Principal& principal);

}  // namespace windlass::api
