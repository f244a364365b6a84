// What an account may do with its images now: by its tier, or everything for staff (admins), whose images get a
// thumbnail of every height that any tier has.
#pragma once

#include <vector>

#include "api/call.h"

namespace windlass::api {

struct ImageRights {
    std::vector<std::int64_t> heights;  // of thumbnails, ascending
    bool original = false;
    bool expiring_links = false;
};

// A tier that is no longer there permits nothing.
Result<ImageRights> image_rights(const App& app, const Principal& principal);

}  // namespace windlass::api
