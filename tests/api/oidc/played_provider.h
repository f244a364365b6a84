// A provider of OpenID Connect that is played by the test: it has real keys and signs real tokens, good ones and
// forged.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/oidc/https.h"

namespace windlass::api::test {

class PlayedProvider {
  public:
    PlayedProvider();
    ~PlayedProvider();

    // Members of the token: JSON values by name ("sub" -> "\"ada\""); an empty value leaves the member out.
    using Members = std::map<std::string, std::string>;
    std::string claims(const Members& changes = {}) const;

    // kid "rsa" or "ec", keys that are published; "stranger": a key that is not.
    std::string sign(const std::string& claims, const std::string& kid = "rsa", const std::string& algorithm = "RS256",
                     const std::string& said_kid = {}) const;
    static constexpr const char* no_kid = "-";  // as said_kid: the token names no key
    // Without a signature: {"alg":"none"}.
    std::string unsigned_token(const std::string& claims) const;
    // Signed with HMAC, the public key as its secret: the confusion of algorithms.
    std::string confused_token(const std::string& claims) const;

    std::string keys_json() const;
    // Other keys by the same names, with `suffix` behind them: those of before are published no more.
    void rotate(const std::string& suffix);
    std::size_t asked_for(const std::string& path) const;  // how often, since `asked` was emptied

    // As a server: discovery, keys, token endpoint. What was asked is in `asked`.
    Fetch fetch();
    std::string token_answer;  // body of the token endpoint; empty: a token for the claims in `claims()`
    int token_status = 200;
    std::string userinfo;  // answer of such an endpoint; empty: there is none
    std::string spoken_issuer = "https://login.example.org";
    bool away = false;
    std::string broken;  // a path, e.g. "/keys", that is answered with 500
    std::vector<HttpsRequest> asked;

    std::string issuer = "https://login.example.org";
    std::string client_id = "windlass";
    std::string nonce = "the-nonce";
    std::int64_t now_s = 1'800'000'000;

  private:
    struct Keys;
    std::unique_ptr<Keys> keys_;
    std::string suffix_;  // of the keys that are published
};

}  // namespace windlass::api::test
