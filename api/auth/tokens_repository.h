// The SQL of API tokens: only their hash is kept. Threads: any; each call borrows one connection.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/principal.h"
#include "shared/database/session_pool.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

struct NewToken {
    std::string token;  // is not stored: its hash is, and its first characters
    UserId account;
    std::string label;
    std::optional<WallTime> expires = {};
    Scopes scopes = Scopes::all();
    std::optional<Roles> roles = {};  // none: those of the account, whatever they will be
};
struct FoundPrincipal {
    Principal principal;
    std::optional<WallTime> expires;
};
struct TokenView {
    std::int64_t id = 0;
    std::string prefix;
    std::string label;
    Scopes scopes;
    std::optional<Roles> roles;
    WallTime created;
    std::optional<WallTime> expires;
    std::optional<WallTime> last_used;
};

class TokensRepository {
  public:
    explicit TokensRepository(SessionPool& pool) : pool_(pool) {}

    // Of those with the same label the account keeps the `most` newest, 0: all; the others are revoked.
    Result<TokenView> add(const NewToken& token, WallTime now, int most = 0);
    // Of a token that is good now, of an account that is not disabled. Notes the use, at most once a minute.
    Result<std::optional<FoundPrincipal>> principal_of(const std::string& token, WallTime now);
    // Those that are good, the newest first.
    Result<std::vector<TokenView>> list(UserId account, WallTime now);
    Result<std::optional<TokenView>> find(std::int64_t id, WallTime now);
    // Whose it was; nullopt: there is no such token, or it belongs to somebody else than `of`.
    Result<std::optional<UserId>> revoke(std::int64_t id, std::optional<UserId> of, WallTime now);

  private:
    SessionPool& pool_;
};

}  // namespace windlass::api
