// The address of a Windlass server: http://HOST:PORT or https://HOST:PORT, nothing behind it.
#pragma once

#include <string>

#include "shared/result.h"

namespace windlass::cli {

// The normal form: scheme and host in lower case, no slash at the end, the port only when it was given. A bare
// HOST:PORT is read as http. Refused: other schemes, a path, a query, user names and passwords inside the address.
Result<std::string> normal_url(const std::string& text);

}  // namespace windlass::cli
