// The SQL of quotas: what tiers and single users may have, and what a user has. Threads: any; each call borrows one
// session.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "shared/database/session_pool.h"
#include "shared/ids.h"
#include "shared/job.h"
#include "shared/protocol.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

struct QuotaLine {
    std::string subject;   // as stored: tier:NAME or user:ID
    std::string username;  // of a user
    Quota quota;
};

struct QuotaUsage {
    std::int64_t queued = 0;  // members of arrays included
    std::int64_t running = 0;
    Microseconds cpu_today{};  // of attempts that ended today (UTC)
    std::int64_t stored_bytes = 0;
};

class QuotasRepository {
  public:
    explicit QuotasRepository(SessionPool& pool) : pool_(pool) {}

    // What holds for this account now: of each kind the user's own number, else that of his tier. Remembered for a
    // second, as every submit asks.
    Result<Quota> effective(UserId account, SteadyTime now);
    // The same of every account of this tier that has jobs which have not ended.
    Result<std::vector<protocol::UserQuota>> of_active_users(const std::string& tier);
    Result<QuotaUsage> usage(UserId account, WallTime now);
    // Uploads under way count too.
    Result<std::int64_t> stored_bytes(UserId account);

    Result<std::vector<QuotaLine>> all();
    Result<std::optional<QuotaLine>> one(const std::string& subject);
    Status put(const std::string& subject, const Quota& quota);
    // False: there was none.
    Result<bool> remove(const std::string& subject);

  private:
    struct Remembered {
        Quota quota;
        SteadyTime until;
    };
    void forget_all();

    SessionPool& pool_;
    std::mutex mutex_;
    std::unordered_map<UserId, Remembered> cache_;
    std::uint64_t generation_ = 0;
};

}  // namespace windlass::api
