// The whole surface on one screen.
#pragma once

#include <span>

#include "api/router.h"

namespace windlass::api {

std::span<const Route> routes();

}  // namespace windlass::api
