// Credentials: where a request may carry one, whether it is still good, and whose it is. One resolver for all families.
//
// Tokens are opaque and random; the table keeps only their BLAKE2b-256, so the lookup itself is by hash and compares no
// secret. A principal found is remembered for one second: what another api process revokes is good here for that long.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "api/front/exchange.h"
#include "api/principal.h"
#include "api/problem.h"
#include "shared/time.h"

namespace windlass::api {

class AccountsRepository;

struct PresentedCredential {
    enum class Place { none, header, cookie };
    Place place = Place::none;
    std::string_view token;  // empty with a place: something was presented that cannot be a token
};
// The first one present decides: header Authorization, cookie Authorization, cookie access_token. A view into the
// request.
PresentedCredential presented_credential(const Request& request);

// A request that changes something and proves itself by a cookie must come from our own pages: the browser says so in
// Sec-Fetch-Site or Origin. (Header credentials are never sent by a browser on its own.)
bool is_same_origin(const Request& request);

class Credentials {
  public:
    Credentials(AccountsRepository& accounts, const Clock& clock) : accounts_(accounts), clock_(clock) {}

    // 401 with nothing to go by or nothing good in it, 403 for a cookie from a foreign page.
    OrProblem<Principal> require(const Request& request);

    // nullopt: unknown, expired, revoked, or the account is gone.
    Result<std::optional<Principal>> resolve(std::string_view token);

    // After a revocation or a change of roles was committed: takes effect with the next request.
    void forget(UserId account);

  private:
    struct Remembered {
        Principal principal;
        SteadyTime until;
    };
    std::optional<Principal> recall(const std::string& hash, SteadyTime now);
    void remember(const std::string& hash, Remembered entry, std::uint64_t generation);

    AccountsRepository& accounts_;
    const Clock& clock_;
    std::mutex mutex_;
    std::unordered_map<std::string, Remembered> cache_;
    std::uint64_t generation_ = 0;  // grows with every forget(): what was read before it is not remembered after it
};

}  // namespace windlass::api
