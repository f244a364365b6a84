#include "api/network_permission.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "api/permission_entry.h"
#include "api/role_names.h"

namespace windlass::api {
namespace {

constexpr std::string_view everybody = "everybody";

bool makes_sense(std::string_view text) {
    const PermissionEntry entry = permission_entry(text);
    if (entry.kind == "role") return role_named(entry.name).has_value();
    return text == everybody || ((entry.kind == "tier" || entry.kind == "queue") && !entry.name.empty());
}

bool fits(std::string_view text, std::string_view queue, const Principal& principal) {
    const PermissionEntry entry = permission_entry(text);
    if (entry.kind == "queue") return entry.name == queue;
    if (entry.kind == "tier") return entry.name == principal.tier;
    if (entry.kind != "role") return text == everybody;
    const auto role = role_named(entry.name);
    return role && principal.roles.has(*role);
}

}  // namespace

Status check_network_permissions(const std::vector<std::string>& entries) {
    for (const std::string& text : entries) {
        if (makes_sense(text)) continue;
        return make_error(ErrorKind::invalid,
                          fmt::format("api.network_full: '{}' is none of tier:NAME, queue:NAME, role:user, "
                                      "role:job-control, role:admin, everybody",
                                      text));
    }
    return {};
}

bool may_have_full_network(const std::string& queue, const Principal& principal,
                           const std::vector<std::string>& entries) {
    return std::any_of(entries.begin(), entries.end(),
                       [&](const std::string& text) { return fits(text, queue, principal); });
}

std::optional<Problem> network_refusal(const JobSpec& spec, const Principal& principal, const Config::Api& settings) {
    if (spec.network == Network::none || may_have_full_network(spec.queue, principal, settings.network_full))
        return std::nullopt;
    const std::string detail = fmt::format(
        "You may not use the network (\"full\") in the queue {} here; use \"none\", or ask the operator to allow it in "
        "api.network_full for your tier ({}) or this queue.",
        spec.queue, principal.tier.empty() ? "none" : principal.tier);
    Problem problem = make_problem(422, detail);
    problem.errors.push_back({"/network", detail});
    return problem;
}

}  // namespace windlass::api
