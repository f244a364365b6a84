#include "tests/api/oidc/played_provider.h"

#include <cjose/cjose.h>
#include <gtest/gtest.h>
#include <sodium.h>

#include <algorithm>

#include "api/auth/base64url.h"

namespace windlass::api::test {

struct PlayedProvider::Keys {
    std::map<std::string, cjose_jwk_t*> by_kid;

    void add(const std::string& kid, cjose_jwk_t* key) {
        cjose_err error{};
        EXPECT_NE(key, nullptr);
        EXPECT_TRUE(cjose_jwk_set_kid(key, kid.data(), kid.size(), &error));
        by_kid[kid] = key;
    }
    ~Keys() {
        for (const auto& [kid, key] : by_kid) cjose_jwk_release(key);
    }
    std::string public_json(const std::string& kid) const {
        cjose_err error{};
        char* text = cjose_jwk_to_json(by_kid.at(kid), false, &error);
        std::string json(text);
        cjose_get_dealloc()(text);
        return json;
    }
};

PlayedProvider::PlayedProvider() : keys_(std::make_unique<Keys>()) {
    cjose_err error{};
    static const unsigned char exponent[] = {1, 0, 1};
    keys_->add("rsa", cjose_jwk_create_RSA_random(2048, exponent, sizeof(exponent), &error));
    keys_->add("stranger", cjose_jwk_create_RSA_random(2048, exponent, sizeof(exponent), &error));
    keys_->add("ec", cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &error));
}

PlayedProvider::~PlayedProvider() = default;

std::string PlayedProvider::claims(const Members& changes) const {
    Members members = {{"iss", "\"" + issuer + "\""},     {"sub", "\"1234\""},
                       {"aud", "\"" + client_id + "\""},  {"exp", std::to_string(now_s + 300)},
                       {"iat", std::to_string(now_s)},    {"nonce", "\"" + nonce + "\""},
                       {"preferred_username", "\"ada\""}, {"email", "\"ada@example.org\""},
                       {"name", "\"Ada Lovelace\""}};
    for (const auto& [name, value] : changes) members[name] = value;
    std::string json;
    for (const auto& [name, value] : members)
        if (!value.empty()) json += (json.empty() ? "{\"" : ",\"") + name + "\":" + value;
    return json + "}";
}

std::string PlayedProvider::sign(const std::string& claims, const std::string& kid, const std::string& algorithm,
                                 const std::string& said_kid) const {
    cjose_err error{};
    cjose_header_t* header = cjose_header_new(&error);
    EXPECT_TRUE(cjose_header_set(header, "alg", algorithm.c_str(), &error));
    if (said_kid != no_kid) {
        EXPECT_TRUE(cjose_header_set(header, "kid", (said_kid.empty() ? kid : said_kid).c_str(), &error));
    }
    cjose_jws_t* jws = cjose_jws_sign(keys_->by_kid.at(kid), header,
                                      reinterpret_cast<const std::uint8_t*>(claims.data()), claims.size(), &error);
    EXPECT_NE(jws, nullptr) << error.message;
    const char* text = nullptr;
    EXPECT_TRUE(cjose_jws_export(jws, &text, &error));
    std::string token(text);
    cjose_jws_release(jws);
    cjose_header_release(header);
    return token;
}

std::string PlayedProvider::unsigned_token(const std::string& claims) const {
    return to_base64url(R"({"alg":"none"})") + "." + to_base64url(claims) + ".";
}

std::string PlayedProvider::confused_token(const std::string& claims) const {
    const std::string text = to_base64url(R"({"alg":"HS256","kid":"rsa"})") + "." + to_base64url(claims);
    const std::string secret = keys_->public_json("rsa");
    std::string mac(crypto_auth_hmacsha256_BYTES, '\0');
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, reinterpret_cast<const unsigned char*>(secret.data()), secret.size());
    crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(mac.data()));
    return text + "." + to_base64url(mac);
}

std::string PlayedProvider::keys_json() const {
    return "{\"keys\":[" + keys_->public_json("rsa" + suffix_) + "," + keys_->public_json("ec" + suffix_) + "]}";
}

void PlayedProvider::rotate(const std::string& suffix) {
    cjose_err error{};
    static const unsigned char exponent[] = {1, 0, 1};
    suffix_ = suffix;
    keys_->add("rsa" + suffix, cjose_jwk_create_RSA_random(2048, exponent, sizeof(exponent), &error));
    keys_->add("ec" + suffix, cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &error));
}

std::size_t PlayedProvider::asked_for(const std::string& path) const {
    return static_cast<std::size_t>(std::count_if(
        asked.begin(), asked.end(), [&](const HttpsRequest& request) { return request.url == issuer + path; }));
}

Fetch PlayedProvider::fetch() {
    return [this](const HttpsRequest& request) -> Result<HttpsAnswer> {
        asked.push_back(request);
        if (away) return make_error(ErrorKind::unavailable, "connection refused");
        if (!broken.empty() && request.url == issuer + broken) return HttpsAnswer{500, ""};
        if (request.url == issuer + "/.well-known/openid-configuration")
            return HttpsAnswer{
                200, R"({"issuer":")" + spoken_issuer + R"(","authorization_endpoint":")" + issuer +
                         R"(/auth","token_endpoint":")" + issuer + R"(/token","jwks_uri":")" + issuer + R"(/keys")" +
                         (userinfo.empty() ? std::string() : R"(,"userinfo_endpoint":")" + issuer + R"(/me")") + "}"};
        if (request.url == issuer + "/me") return HttpsAnswer{200, userinfo};
        if (request.url == issuer + "/keys") return HttpsAnswer{200, keys_json()};
        if (request.url == issuer + "/token")
            return HttpsAnswer{token_status, token_answer.empty()
                                                 ? R"({"id_token":")" + sign(claims(), "rsa" + suffix_) + R"("})"
                                                 : token_answer};
        return HttpsAnswer{404, ""};
    };
}

}  // namespace windlass::api::test
