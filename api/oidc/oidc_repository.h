// The SQL of logins by OpenID Connect. Threads: any; each call borrows one session.
#pragma once

#include <optional>
#include <string>

#include "api/oidc/id_token.h"
#include "api/oidc/provider.h"
#include "api/principal.h"
#include "shared/database/session_pool.h"

namespace windlass::api {

class OidcRepository {
  public:
    explicit OidcRepository(SessionPool& pool) : pool_(pool) {}

    // Ten minutes to come back. Of the state only a hash is kept. Also forgets those who did not come back.
    Status begin(const OidcAttempt& attempt, const std::string& return_to, WallTime now);
    struct Begun {
        OidcAttempt attempt;  // without redirect_uri
        std::string return_to;
    };
    // The login of this state, which is used up by it; nullopt: none, used before, or too old.
    Result<std::optional<Begun>> take(const std::string& state, WallTime now);

    struct Found {
        UserId account;
        bool disabled = false;
    };
    // Whose identity this is at the provider. Never by e-mail address alone: it may be somebody else's here.
    Result<std::optional<Found>> account_of(const IdClaims& claims);
    // An account for somebody who was never here, without a password; its username is the token's if that is free.
    // With `roles`.
    Result<UserId> create_account(const IdClaims& claims, Roles roles, WallTime now);
    Status set_roles(UserId account, Roles roles);

  private:
    SessionPool& pool_;
};

}  // namespace windlass::api
