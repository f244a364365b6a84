// The SQL of links to set a password. Of the secret only its BLAKE2b-256 is kept. Threads: any; each call borrows one
// session.
#pragma once

#include <optional>
#include <string>

#include "shared/database/session_pool.h"
#include "shared/ids.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

struct PasswordLink {
    UserId account;
    std::string username;
    std::string email;
};

class PasswordLinksRepository {
  public:
    explicit PasswordLinksRepository(SessionPool& pool) : pool_(pool) {}

    // An account has one link at most: the ones before are gone. False: there is no such account, or it is disabled.
    Result<bool> add(UserId account, const std::string& secret_hash, WallTime now, WallTime expires);
    // nullopt: unknown, used, expired, or its account is gone or disabled.
    Result<std::optional<PasswordLink>> find(const std::string& secret_hash, WallTime now);
    // Uses the link up, sets the password and ends all sessions of the account, or nothing of it: false when find()
    // would give nullopt by now. Of many at the same moment one gets true.
    Result<bool> use(const std::string& secret_hash, const std::string& password_hash, WallTime now);

  private:
    SessionPool& pool_;
};

}  // namespace windlass::api
