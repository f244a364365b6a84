// How long points are kept, and how finely.
#pragma once

#include <cstdint>

#include "shared/result.h"

namespace windlass::metrics {

struct AgingSettings {
    std::int64_t keep_points_days = 30;  // as measured; 0: for ever
    std::int64_t coarse_s = 300;         // then mean, min and max of so many seconds; 0: nothing is left of them
    std::int64_t keep_days = 730;        // nothing is older than that; 0: for ever

    bool does_anything() const { return keep_points_days > 0 || keep_days > 0; }
};
//   invalid  says which setting (its name in the configuration) and what would do
Status check(const AgingSettings& settings);

}  // namespace windlass::metrics
