// Who may see and use an image or a data set of the site.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/principal.h"
#include "api/site/site_repository.h"

namespace windlass::api {

// What is wrong with an entry of visible_to, or nothing: everybody, tier:NAME, role:user|job_control|admin, user:NAME.
std::string_view fault_of_visibility(std::string_view entry);

// Admins may see all; without entries everybody may.
bool may_see(const SiteThing& thing, const Principal& principal);

}  // namespace windlass::api
