#include "api/site/site_permission.h"

#include <algorithm>

#include "api/names.h"
#include "api/role_names.h"
#include "shared/json.h"

namespace windlass::api {
namespace {

struct Entry {
    std::string_view kind;
    std::string_view name;
};

Entry entry_of(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return {text, {}};
    return {text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace

std::string_view fault_of_visibility(std::string_view text) {
    const Entry entry = entry_of(text);
    const bool good =
        text == "everybody" || (entry.kind == "role" && role_named(entry.name).has_value()) ||
        ((entry.kind == "tier" || entry.kind == "user") && !entry.name.empty() && entry.name.size() <= 400);
    return good ? std::string_view()
                : "must be everybody, tier:NAME, role:user, role:job_control, role:admin or user:NAME";
}

bool may_see(const SiteThing& thing, const Principal& principal) {
    if (thing.visible_to.empty() || principal.is_admin()) return true;
    return std::any_of(thing.visible_to.begin(), thing.visible_to.end(), [&](const std::string& text) {
        const Entry entry = entry_of(text);
        if (text == "everybody") return true;
        if (entry.kind == "tier") return entry.name == principal.tier;
        if (entry.kind == "user") return name_key(entry.name) == name_key(principal.username);
        const auto role = role_named(entry.name);
        return entry.kind == "role" && role && principal.roles.has(*role);
    });
}

}  // namespace windlass::api
