// The SQL of tiers: what accounts of one may do with images. (What they may have of the queue are quotas: tier:NAME.)
// Threads: any; each call borrows one session.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shared/database/session_pool.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

inline constexpr std::string_view first_tier = "Basic";  // that new accounts get

struct Tier {
    std::string name;
    std::vector<std::int64_t> heights;  // of thumbnails, in pixels, ascending; none: no thumbnails
    bool original = false;              // may get the image as it was uploaded
    bool expiring_links = false;        // may hand out links that end
};
// What is absent stays, or has the value of Tier{} in a new one.
struct TierChange {
    std::optional<std::vector<std::int64_t>> heights;
    std::optional<bool> original;
    std::optional<bool> expiring_links;
};
struct StoredTier {
    Tier tier;
    bool fresh = false;  // there was none of this name
};

enum class TierRemoval { removed, unknown, in_use };

class TiersRepository {
  public:
    explicit TiersRepository(SessionPool& pool) : pool_(pool) {}

    Result<std::vector<Tier>> all();  // by name
    // In any spelling of the name; one that is there keeps its own.
    Result<std::optional<Tier>> one(const std::string& name);
    Result<StoredTier> put(const std::string& name, const TierChange& change, WallTime now);
    // in_use: an account has it, or would get it (first_tier).
    Result<TierRemoval> remove(const std::string& name);

  private:
    SessionPool& pool_;
};

}  // namespace windlass::api
