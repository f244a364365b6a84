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
    // Without a signature: {"alg":"none"}.
    std::string unsigned_token(const std::string& claims) const;
    // Signed with HMAC, the public key as its secret: the confusion of algorithms.
    std::string confused_token(const std::string& claims) const;

    std::string keys_json() const;

    // As a server: discovery, keys, token endpoint. What was asked is in `asked`.
    Fetch fetch();
    std::string token_answer;  // body of the token endpoint; empty: a token for the claims in `claims()`
    int token_status = 200;
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
};

}  // namespace windlass::api::test
