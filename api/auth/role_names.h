// The three roles as all families write them: "user", "job-control", "admin".
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "api/principal.h"

namespace windlass::api {

std::vector<std::string_view> names_of(Roles roles);  // in this order
std::optional<Role> role_of_name(std::string_view name);

}  // namespace windlass::api
