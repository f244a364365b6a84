// Tells whoever started this daemon how it is (sd_notify protocol): systemd, or `windlass dev`. Without NOTIFY_SOCKET
// in the environment nothing happens.
#pragma once

#include <string_view>

namespace windlass {

// Everything is open and answers. `url`, if not empty, goes along as X_WINDLASS_URL=….
void notify_ready(std::string_view url = {});
void notify_status(std::string_view sentence);
void notify_stopping();

}  // namespace windlass
