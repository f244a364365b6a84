// The API token by which one account on one machine is known to a server: `windlass token list` shows it under the
// machine's name, `windlass logout` revokes it.
#pragma once

#include <string>

#include "cli/server.h"

namespace windlass::cli {

// Made with whatever `server` has for a credential.
Result<std::string> make_machine_token(Server& server);

}  // namespace windlass::cli
