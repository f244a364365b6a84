#include "api/oidc/role_map.h"
#include "api/role_names.h"

#include <fmt/format.h>

namespace windlass::api {
namespace {

Result<Roles> role_of(const std::string& name, std::string_view setting) {
    if (const auto role = role_named(name)) return Roles(*role);
    return make_error(ErrorKind::invalid,
                      fmt::format("{}: \"{}\" is no role; the roles are user, job-control and admin", setting, name));
}

}  // namespace

Result<RoleMap> RoleMap::parse(const std::vector<std::string>& mapping, const std::vector<std::string>& defaults) {
    RoleMap map;
    for (const auto& entry : mapping) {
        const auto border = entry.rfind('=');
        if (border == std::string::npos || border == 0)
            return make_error(ErrorKind::invalid,
                              fmt::format("api.oidc_roles: \"{}\" is not VALUE=ROLE, e.g. staff=user", entry));
        WINDLASS_TRY(const auto role, role_of(entry.substr(border + 1), "api.oidc_roles"));
        map.mapping_.emplace_back(entry.substr(0, border), role);
    }
    for (const auto& name : defaults) {
        WINDLASS_TRY(const auto role, role_of(name, "api.oidc_default_roles"));
        map.defaults_ = map.defaults_ | role;
    }
    return map;
}

std::optional<Roles> RoleMap::roles_for(const std::vector<std::string>& values) const {
    if (mapping_.empty()) return std::nullopt;
    Roles roles = defaults_;
    for (const auto& value : values)
        for (const auto& [name, role] : mapping_)
            if (name == value) roles = roles | role;
    return roles;
}

}  // namespace windlass::api
