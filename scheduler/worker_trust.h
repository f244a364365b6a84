// Which certificates of workers count, and what becomes of a one-time token. Pure; the stores keep the records
// (sql/0011_worker_trust.sql).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "shared/result.h"
#include "shared/time.h"

namespace windlass::scheduler {

// Certificates of this worker count when they are of this generation, and none does while it is revoked.
struct WorkerTrust {
    std::string worker;  // its name
    std::int64_t generation = 0;
    bool revoked = false;
    bool operator==(const WorkerTrust&) const = default;
};

struct StoredToken {
    std::string token_hash;
    std::string worker;
    WallTime created{};
    WallTime expires{};
    std::optional<std::string> key_sha256;  // of the key that was certified for it; nullopt: not used yet
    std::int64_t generation = 0;            // that it got then
};

struct Redemption {
    std::string token_hash;
    std::string worker;
    std::string key_sha256;
    WallTime now{};
};

// True: it is used now, for the next generation. False: the answer was lost; it is given again, with the token's
// generation. Nothing known is nullptr.
//   denied  a sentence for whoever enrols
Result<bool> judge_redemption(const StoredToken* token, const WorkerTrust* trust, const Redemption& redemption);

// Tokens that ended so long before are forgotten.
inline constexpr Seconds forget_tokens_after{24 * 3600};

}  // namespace windlass::scheduler
