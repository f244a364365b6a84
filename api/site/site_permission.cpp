#include "api/site/site_permission.h"

#include <algorithm>

#include "api/names.h"
#include "api/permission_entry.h"
#include "api/role_names.h"
#include "api/whole_number.h"
#include "shared/json.h"

namespace windlass::api {
namespace {

// The number of a class entry; nullopt: it is none.
std::optional<std::int64_t> class_of(const PermissionEntry& entry) {
    const auto number = entry.kind == "class" ? whole_number(entry.name) : std::nullopt;
    return number && *number > 0 ? number : std::nullopt;
}

}  // namespace

std::string_view fault_of_visibility(std::string_view text) {
    const PermissionEntry entry = permission_entry(text);
    const bool good =
        text == "everybody" || (entry.kind == "role" && role_named(entry.name).has_value()) ||
        class_of(entry).has_value() ||
        ((entry.kind == "tier" || entry.kind == "user") && !entry.name.empty() && entry.name.size() <= 400);
    return good ? std::string_view()
                : "must be everybody, tier:NAME, role:user, role:job-control, role:admin, user:NAME or class:NUMBER";
}

bool is_for_a_class(const SiteThing& thing) {
    return std::any_of(thing.visible_to.begin(), thing.visible_to.end(),
                       [](const std::string& text) { return class_of(permission_entry(text)).has_value(); });
}

bool may_see(const SiteThing& thing, const Principal& principal, const std::set<std::int64_t>& classes) {
    if (thing.visible_to.empty() || principal.is_admin()) return true;
    return std::any_of(thing.visible_to.begin(), thing.visible_to.end(), [&](const std::string& text) {
        const PermissionEntry entry = permission_entry(text);
        if (text == "everybody") return true;
        if (entry.kind == "tier") return entry.name == principal.tier;
        if (entry.kind == "user") return name_key(entry.name) == name_key(principal.username);
        if (const auto number = class_of(entry)) return classes.contains(*number);
        const auto role = role_named(entry.name);
        return entry.kind == "role" && role && principal.roles.has(*role);
    });
}

}  // namespace windlass::api
