// Who may write the windows of a host. Internal to the store.
#pragma once

#include <set>
#include <string>

#include "shared/database/session.h"

namespace windlass::metrics {

// Until the end of the transaction nobody else writes windows of these hosts; waits for whoever does. Take all that a
// transaction needs at once: the order within one call is what keeps two of them from waiting for each other.
Status lock_hosts(Session& session, const std::set<std::string>& hosts);

}  // namespace windlass::metrics
