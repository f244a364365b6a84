// The three roles by name, as all families write them.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "api/principal.h"

namespace windlass::api {

struct NamedRole {
    Role role;
    std::string_view name;
    std::string_view meaning;
};
inline constexpr std::array<NamedRole, 3> named_roles = {{
    {Role::user, "user", "submits jobs, and sees and changes what is its own"},
    {Role::job_control, "job-control", "reports the jobs and measurements of a cluster: for scripts, not for people"},
    {Role::admin, "admin", "may do everything, and administers accounts, tiers, quotas, queues and workers"},
}};

constexpr std::optional<Role> role_named(std::string_view name) {
    for (const auto& entry : named_roles)
        if (entry.name == name) return entry.role;
    return std::nullopt;
}

inline std::vector<std::string_view> names_of(Roles roles) {  // in this order
    std::vector<std::string_view> names;
    for (const auto& entry : named_roles)
        if (roles.has(entry.role)) names.push_back(entry.name);
    return names;
}

}  // namespace windlass::api
