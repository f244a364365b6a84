// Who may see and use an image or a data set of the site.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "api/principal.h"
#include "api/site/site_repository.h"

namespace windlass::api {

// What is wrong with an entry of visible_to, or nothing: everybody, tier:NAME, role:user|job-control|admin, user:NAME,
// class:NUMBER (its teacher and its members).
std::string_view fault_of_visibility(std::string_view entry);

// One of its entries is a class.
bool is_for_a_class(const SiteThing& thing);

// Admins may see all; without entries everybody may. `classes`: those the principal teaches or is in.
bool may_see(const SiteThing& thing, const Principal& principal, const std::set<std::int64_t>& classes);

}  // namespace windlass::api
