// The SQL of the audit. Threads: any, but one at a time for append(); each call borrows one session.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shared/audit.h"
#include "shared/database/session_pool.h"
#include "shared/result.h"

namespace windlass::api {

struct AuditHead {
    std::int64_t number = 0;  // 0: nothing was written yet
    std::string hash;
};

class AuditRepository {
  public:
    explicit AuditRepository(SessionPool& pool) : pool_(pool) {}

    // Ties the entries to the end of the chain, in their order, in one transaction: fills number, previous_hash and
    // hash. Several api processes may append at the same time; each waits for the other. When nobody knows whether the
    // commit happened, call it again with the same entries: what was written is not written twice.
    Result<AuditHead> append(std::vector<AuditEntry>& entries);

    Result<AuditHead> head();
    // Upwards from number `from`, or downwards from `before`; of one account, or of all.
    Result<std::vector<AuditEntry>> upwards(std::int64_t from, std::optional<UserId> account, int limit);
    Result<std::vector<AuditEntry>> downwards(std::int64_t before, std::optional<UserId> account, int limit);

  private:
    Result<std::vector<AuditEntry>> page(const std::string& sql, std::int64_t bound, std::optional<UserId> account,
                                         int limit);

    SessionPool& pool_;
    AuditHead last_;  // the end of the chain as append() left it; another process may have gone on
};

}  // namespace windlass::api
