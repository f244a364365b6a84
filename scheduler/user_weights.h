// The weights of users in the fair share, as the configuration writes them: "ACCOUNT=WEIGHT", e.g. "7=2.5".
#pragma once

#include <map>
#include <string>
#include <vector>

#include "shared/ids.h"
#include "shared/result.h"

namespace windlass::scheduler {

// A weight is more than 0 and at most 1000; who is not named has 1.
//   invalid  names the entry that cannot be read
Result<std::map<UserId, double>> parse_user_weights(const std::vector<std::string>& entries);

}  // namespace windlass::scheduler
