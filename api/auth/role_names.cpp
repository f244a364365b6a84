#include "api/auth/role_names.h"

#include <array>
#include <utility>

namespace windlass::api {
namespace {

constexpr std::array<std::pair<Role, std::string_view>, 3> names = {{
    {Role::user, "user"},
    {Role::job_control, "job-control"},
    {Role::admin, "admin"},
}};

}  // namespace

std::vector<std::string_view> names_of(Roles roles) {
    std::vector<std::string_view> list;
    for (const auto& [role, name] : names)
        if (roles.has(role)) list.push_back(name);
    return list;
}

std::optional<Role> role_of_name(std::string_view name) {
    for (const auto& [role, known] : names)
        if (known == name) return role;
    return std::nullopt;
}

}  // namespace windlass::api
