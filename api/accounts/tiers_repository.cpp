#include "api/accounts/tiers_repository.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "api/names.h"
#include "shared/json.h"

namespace windlass::api {
namespace {

Status as_status(Result<std::int64_t> changed) {
    return changed ? Status() : Status(std::move(changed).error());
}

std::string list_of(const std::vector<std::int64_t>& heights) {
    return fmt::format("[{}]", fmt::join(heights, ","));
}

Result<std::vector<std::int64_t>> parse_heights(const std::string& text) {
    WINDLASS_TRY(const auto document, parse_json(text));
    if (!document.IsArray()) return make_error(ErrorKind::internal, "tier.heights is no list: " + text);
    std::vector<std::int64_t> heights;
    for (const auto& height : document.GetArray()) {
        if (!height.IsInt64()) return make_error(ErrorKind::internal, "tier.heights has more than numbers: " + text);
        heights.push_back(height.GetInt64());
    }
    return heights;
}

Result<Tier> tier_of(const Row& row) {
    Tier tier;
    tier.name = row.text(0);
    WINDLASS_TRY(tier.heights, parse_heights(row.text(1)));
    tier.original = row.truth(2);
    tier.expiring_links = row.truth(3);
    return tier;
}

void apply(const TierChange& change, Tier& tier) {
    if (change.heights) tier.heights = *change.heights;
    tier.original = change.original.value_or(tier.original);
    tier.expiring_links = change.expiring_links.value_or(tier.expiring_links);
}

}  // namespace

Result<std::vector<Tier>> TiersRepository::all() {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select name, heights, original, expiring_links from tier order by name_key"));
    std::vector<Tier> tiers;
    for (const Row& row : rows) {
        WINDLASS_TRY(auto tier, tier_of(row));
        tiers.push_back(std::move(tier));
    }
    return tiers;
}

Result<std::optional<Tier>> TiersRepository::one(const std::string& name) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select name, heights, original, expiring_links from tier where name_key = :key",
                                name_key(name)));
    if (rows.empty()) return std::optional<Tier>();
    WINDLASS_TRY(auto tier, tier_of(rows.front()));
    return std::optional(std::move(tier));
}

Result<StoredTier> TiersRepository::put(const std::string& name, const TierChange& change, WallTime now) {
    const std::string key = name_key(name);
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    // Made first if need be, and held either way: what is read is what is changed.
    WINDLASS_TRY(const auto made,
                 session->execute("insert into tier (name, name_key, heights, original, expiring_links, created_us) "
                                  "values (:name, :key, '[]', 0, 0, :now) on conflict (name_key) do nothing",
                                  name, key, to_unix_us(now)));
    WINDLASS_TRY(const auto rows, session->query("update tier set name = name where name_key = :key returning name, "
                                                 "heights, original, expiring_links",
                                                 key));
    if (rows.empty()) return make_error(ErrorKind::unavailable, "the tier was removed at the same moment");
    StoredTier stored;
    WINDLASS_TRY(stored.tier, tier_of(rows.front()));
    stored.fresh = made > 0;
    apply(change, stored.tier);
    WINDLASS_TRY_STATUS(as_status(session->execute(
        "update tier set heights = :heights, original = :original, expiring_links = :links where name_key = :key",
        list_of(stored.tier.heights), stored.tier.original, stored.tier.expiring_links, key)));
    WINDLASS_TRY_STATUS(transaction.commit());
    return stored;
}

Result<TierRemoval> TiersRepository::remove(const std::string& name) {
    const std::string key = name_key(name);
    if (key == name_key(first_tier)) return TierRemoval::in_use;
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    // Held before it is looked who has it: whoever gives it to an account holds it too (AccountsRepository::change).
    WINDLASS_TRY(const auto rows,
                 session->query("update tier set name = name where name_key = :key returning name", key));
    if (rows.empty()) return TierRemoval::unknown;
    WINDLASS_TRY(const auto users, session->query("select count(*) from account where tier = :name "
                                                  "and username_key not like 'deleted:%'",
                                                  rows.front().text(0)));
    if (users.front().integer(0) > 0) return TierRemoval::in_use;
    WINDLASS_TRY_STATUS(as_status(session->execute("delete from tier where name_key = :key", key)));
    // Or a tier of the same name would have it one day.
    WINDLASS_TRY_STATUS(
        as_status(session->execute("delete from quota where subject = :subject", "tier:" + rows.front().text(0))));
    WINDLASS_TRY_STATUS(transaction.commit());
    return TierRemoval::removed;
}

}  // namespace windlass::api
