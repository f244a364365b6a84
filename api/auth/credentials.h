// The one resolver of credentials, for all families: whether what a request carries is still good, and whose it is.
//
// An access token (jwt.h) must be signed by us, in its time, of a session that is open; an API token is looked up by
// its hash, so no secret is compared. What the tables said is remembered for one second: what another api process ends
// is good here for that long.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "api/auth/cookies.h"
#include "api/auth/presented_credential.h"
#include "api/principal.h"
#include "api/problem.h"
#include "shared/config.h"
#include "shared/time.h"

namespace windlass::api {

class SessionsRepository;
class CurrentSigningKeys;
class TokensRepository;
struct AccessToken;
struct LiveSession;

struct Identified {
    Principal principal;
    Cookies renewed = {};  // for the answer: the access token had expired and the refresh token was good
};
struct IssuedAccess {
    std::string token;
    Seconds lifetime{};
};

class Credentials {
  public:
    Credentials(SessionsRepository& sessions, TokensRepository& tokens, const CurrentSigningKeys& keys,
                const Config::Api& settings, const Clock& clock)
        : sessions_(sessions), tokens_(tokens), keys_(keys), settings_(settings), clock_(clock) {}

    // 401 with nothing to go by or nothing good in it, 403 for a cookie from a foreign page.
    OrProblem<Identified> identify(const Request& request);
    // The same, where the answer cannot carry cookies.
    OrProblem<Principal> require(const Request& request);

    // nullopt: unknown, expired, revoked, or the account is gone. An access token or an API token.
    Result<std::optional<Principal>> resolve(std::string_view token);

    // A new access token of an open session: api.access_token_s, but never longer than the session.
    IssuedAccess issue(const LiveSession& session) const;

    // After a revocation, the end of a session or a change of roles was committed: takes effect with the next request.
    void forget(UserId account);

  private:
    struct Remembered {
        Principal principal;
        SteadyTime until;
    };
    Result<std::optional<Principal>> resolve_session(const std::string& id, UserId account);
    Result<std::optional<Principal>> resolve_access_token(const AccessToken& read);
    Result<std::optional<Principal>> resolve_api_token(std::string_view token);
    OrProblem<std::optional<Identified>> renew(const Request& request, std::string_view refresh_token);
    std::optional<Principal> recall(const std::string& key, SteadyTime now);
    void remember(const std::string& key, Remembered entry, std::uint64_t generation);
    std::uint64_t generation() const;

    SessionsRepository& sessions_;
    TokensRepository& tokens_;
    const CurrentSigningKeys& keys_;
    const Config::Api& settings_;
    const Clock& clock_;
    mutable std::mutex mutex_;
    std::unordered_map<std::string, Remembered> cache_;
    std::uint64_t generation_ = 0;  // grows with every forget(): what was read before it is not remembered after it
};

}  // namespace windlass::api
