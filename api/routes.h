// The whole surface on a few screens: one table per family, in routes/. To add a route: a line there, a handler in
// handlers.h, its documentation in openapi/families/, its tests, a line in docs/api.md. A literal segment wins over {id}.
#pragma once

#include <span>

#include "api/router.h"

namespace windlass::api {

std::span<const Route> jobs_routes();
std::span<const Route> queue_routes();
std::span<const Route> accounts_routes();
std::span<const Route> operations_routes();
std::span<const Route> courses_routes();
std::span<const Route> monitoring_routes();
std::span<const Route> accounts_routes();
std::span<const Route> images_routes();
std::span<const Route> openapi_routes();

// All of them, in this order.
std::span<const Route> routes();

// Paths that are another resource without their slash: GET /api/jobs and GET /api/jobs/, POST /api/login and
// POST /api/login/.
std::span<const std::string_view> exact_paths();

}  // namespace windlass::api
