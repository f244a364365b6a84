#include "api/images/image_rights.h"

#include <set>

#include "api/accounts/tiers_repository.h"

namespace windlass::api {

Result<ImageRights> image_rights(const App& app, const Principal& principal) {
    ImageRights rights;
    if (principal.is_admin()) {
        WINDLASS_TRY(const auto tiers, app.tiers.all());
        std::set<std::int64_t> heights;
        for (const auto& tier : tiers) heights.insert(tier.heights.begin(), tier.heights.end());
        return ImageRights{{heights.begin(), heights.end()}, true, true};
    }
    WINDLASS_TRY(const auto tier, app.tiers.one(principal.tier));
    if (tier) rights = {tier->heights, tier->original, tier->expiring_links};
    return rights;
}

}  // namespace windlass::api
