// One provider of OpenID Connect: found by discovery, asked on a thread of its own.
//
// What it says about itself is kept for an hour, its keys until a token names one that is not among them, or none (then
// they are fetched again, at most five times in five minutes, whatever tokens name). What an id_token does not say of
// names and roles is asked of the userinfo endpoint. That it fails, and why, is logged once, not for each login.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "api/oidc/https.h"
#include "api/oidc/id_token.h"
#include "shared/config.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

struct OidcSettings {
    std::string issuer;  // empty: there is no provider
    std::string client_id;
    std::string client_secret;  // empty: a public client, by PKCE alone
    std::string scope = "openid profile email";
    std::string username_claim = "preferred_username";
    std::string roles_claim;
};
// Reads the secret's file. invalid, denied: which setting, and what to do.
Result<OidcSettings> oidc_settings(const Config::Api& api);

// One login on its way.
struct OidcAttempt {
    std::string state;
    std::string nonce;
    std::string verifier;  // of PKCE (RFC 7636)
    std::string redirect_uri;
};
OidcAttempt new_attempt(std::string redirect_uri);
std::string challenge_of(std::string_view verifier);  // S256

class OidcProvider {
  public:
    OidcProvider(OidcSettings settings, const Clock& clock, Fetch fetch);
    ~OidcProvider();  // finishes what it asks just now, forgets what waits
    OidcProvider(const OidcProvider&) = delete;
    OidcProvider& operator=(const OidcProvider&) = delete;

    // Any thread; `done` comes on the provider's thread. unavailable: too much waits already, `done` is not called
    // then.
    Status authorization_url(OidcAttempt attempt, std::function<void(Result<std::string>)> done);
    // Trades the code of the callback for the claims of who logged in.
    Status redeem(OidcAttempt attempt, std::string code, std::function<void(Result<IdClaims>)> done);

  private:
    struct Discovered {
        std::string authorization_endpoint;
        std::string token_endpoint;
        std::string jwks_uri;
        std::string userinfo_endpoint;  // empty: there is none
        SteadyTime at;
    };
    Status submit(std::function<void()> work);
    void run();
    // On the provider's thread.
    Result<std::string> url_for(const OidcAttempt& attempt);
    Result<IdClaims> claims_for(const OidcAttempt& attempt, const std::string& code);
    Result<const Discovered*> discovered();
    Status fetch_keys();
    Status ask_userinfo(IdClaims& claims, const std::string& access_token, const IdTokenExpectations& expected);
    template <typename T>
    Result<T> noted(Result<T> result);
    void complain(const std::string& why);
    void be_content();

    const OidcSettings settings_;
    const Clock& clock_;
    const Fetch fetch_;
    std::optional<Discovered> discovered_;
    std::optional<KeySet> keys_;
    std::deque<SteadyTime> key_fetches_;  // those of the last five minutes that brought some
    std::string complaint_;               // the last thing that was logged, until a login works again
    std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<std::function<void()>> queue_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace windlass::api
