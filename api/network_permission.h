// Who may ask for `network: full`: api.network_full, a list of tier:NAME, queue:NAME, role:NAME and everybody. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/principal.h"
#include "api/problem.h"
#include "shared/config.h"
#include "shared/job.h"

namespace windlass::api {

// invalid: an entry that means nothing, named.
Status check_network_permissions(const std::vector<std::string>& entries);

// One entry that fits is enough. Tiers and queues are compared as they are written.
bool may_have_full_network(const std::string& queue, const Principal& principal,
                           const std::vector<std::string>& entries);

// What the client is told (422), if this job may not have what it asks for.
std::optional<Problem> network_refusal(const JobSpec& spec, const Principal& principal, const Config::Api& settings);

}  // namespace windlass::api
