#include "api/oidc/id_token.h"

#include <gtest/gtest.h>

#include "shared/digest.h"
#include "tests/api/oidc/played_provider.h"

namespace windlass::api::test {
namespace {

class IdToken : public ::testing::Test {
  protected:
    IdToken() { initialise_crypto(); }
    Result<IdClaims> check(const std::string& token) {
        const auto keys = KeySet::parse(provider.keys_json());
        EXPECT_TRUE(keys);
        return check_id_token(token, *keys, expected);
    }
    std::string refusal(const PlayedProvider::Members& changes) {
        const auto claims = check(provider.sign(provider.claims(changes)));
        return claims ? "" : claims.error().message;
    }
    PlayedProvider provider;
    IdTokenExpectations expected{.issuer = provider.issuer,
                                 .client_id = provider.client_id,
                                 .nonce = provider.nonce,
                                 .now = WallTime{Seconds{provider.now_s}},
                                 .roles_claim = "realm.roles"};
};

TEST_F(IdToken, a_good_one_says_who_it_is_with_either_kind_of_key) {
    for (const auto& [kid, algorithm] : {std::pair{"rsa", "RS256"}, std::pair{"ec", "ES256"}}) {
        const auto claims =
            check(provider.sign(provider.claims({{"realm", R"({"roles":["staff","x"]})"}}), kid, algorithm));
        ASSERT_TRUE(claims) << claims.error().message;
        EXPECT_EQ(claims->subject, "1234");
        EXPECT_EQ(claims->username, "ada");
        EXPECT_EQ(claims->email, "ada@example.org");
        EXPECT_EQ(claims->name, "Ada Lovelace");
        EXPECT_EQ(claims->roles, (std::vector<std::string>{"staff", "x"}));
    }
}

TEST_F(IdToken, forged_ones_are_refused) {
    const auto claims = provider.claims();
    EXPECT_FALSE(check(provider.sign(claims, "stranger"))) << "another key";
    EXPECT_FALSE(check(provider.sign(claims, "stranger", "RS256", "rsa"))) << "another key under a known name";
    EXPECT_FALSE(check(provider.unsigned_token(claims))) << "alg none";
    EXPECT_FALSE(check(provider.confused_token(claims))) << "HMAC with the public key";
    EXPECT_FALSE(check(provider.sign(claims, "rsa", "RS512"))) << "an algorithm that is not on the list";
    EXPECT_FALSE(check(provider.sign(claims, "rsa", "PS256")));
    EXPECT_FALSE(check(provider.sign(claims, "ec", "ES256", "rsa"))) << "the name of another kind of key";
    for (const char* garbage : {"", ".", "..", "a.b.c", "null"}) EXPECT_FALSE(check(garbage)) << garbage;
    EXPECT_FALSE(check(std::string(20'000, 'a')));
    // Of these cjose would say so with an assertion, which ends the process.
    for (const char* text : {"e30.e=30.AAAA", "e=30.e30.AAAA", "e30.e30.A=AA", "e30.e30.AA A"})
        EXPECT_FALSE(check(text)) << text;
    EXPECT_FALSE(check(provider.sign("[]"))) << "no object";
    EXPECT_FALSE(check(provider.sign(R"({"iss":"a","iss":"b"})"))) << "a claim twice";
}

TEST_F(IdToken, a_changed_byte_closes_it) {
    const auto token = provider.sign(provider.claims());
    std::size_t accepted = 0;
    for (std::size_t i = 0; i < token.size(); ++i) {
        auto altered = token;
        altered[i] = altered[i] == 'A' ? 'B' : 'A';
        if (altered == token) continue;
        accepted += check(altered) ? 1 : 0;
    }
    // The last character of a base64url text has bits that mean nothing.
    EXPECT_LE(accepted, 1U);
}

TEST_F(IdToken, claims_that_are_not_for_us_are_refused_with_the_reason) {
    const std::string start = "The provider's id_token is not good: ";
    const auto past = std::to_string(provider.now_s - 61);
    const auto future = std::to_string(provider.now_s + 61);
    EXPECT_EQ(refusal({{"iss", "\"https://evil.example.org\""}}), start + "another issuer made it.");
    EXPECT_EQ(refusal({{"iss", "\"https://login.example.org/\""}}), start + "another issuer made it.");
    EXPECT_EQ(refusal({{"aud", "\"other\""}}), start + "it was made for another audience.");
    EXPECT_EQ(refusal({{"aud", R"(["other","windlass"])"}}), start + "it was given to another party.");
    EXPECT_EQ(refusal({{"aud", R"(["other","windlass"])"}, {"azp", "\"windlass\""}}), "");
    EXPECT_EQ(refusal({{"azp", "\"other\""}}), start + "it was given to another party.");
    EXPECT_EQ(refusal({{"aud", ""}}), start + "it names no audience.");
    EXPECT_EQ(refusal({{"exp", past}}), start + "it has expired.");
    EXPECT_EQ(refusal({{"exp", ""}}), start + "it has no exp.");
    EXPECT_EQ(refusal({{"exp", "\"never\""}}), start + "it has no exp.");
    EXPECT_EQ(refusal({{"exp", "1e300"}}), start + "its exp is no time.");
    EXPECT_EQ(refusal({{"iat", future}}), start + "it was made in the future; compare the clocks.");
    EXPECT_EQ(refusal({{"nonce", "\"other\""}}), start + "it belongs to another login.");
    EXPECT_EQ(refusal({{"nonce", ""}}), start + "it belongs to another login.");
    EXPECT_EQ(refusal({{"sub", ""}}), start + "it names nobody.");
    EXPECT_EQ(refusal({{"exp", std::to_string(provider.now_s - 59)}}), "") << "clocks may differ by a minute";
}

TEST_F(IdToken, an_address_that_the_provider_did_not_verify_is_not_believed) {
    EXPECT_EQ(check(provider.sign(provider.claims({{"email_verified", "false"}})))->email, "");
    EXPECT_EQ(check(provider.sign(provider.claims({{"email_verified", "true"}})))->email, "ada@example.org");
}

TEST(KeySet, symmetric_keys_and_those_for_encryption_are_left_out) {
    const auto keys = KeySet::parse(
        R"({"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"a"},{"kty":"RSA","use":"enc","kid":"b","n":"AQAB","e":"AQAB"},{"kty":"EC","crv":"P-521","kid":"c"},7,{}]})");
    ASSERT_TRUE(keys);
    EXPECT_TRUE(keys->empty());
    const auto odd =
        KeySet::parse(R"({"keys":[{"kty":"RSA","kid":"a","n":"A=QAB","e":"AQAB"},{"kty":"RSA","n":7,"e":"AQAB"}]})");
    ASSERT_TRUE(odd);
    EXPECT_TRUE(odd->empty());
    for (const char* bad : {"", "[]", "{}", R"({"keys":{}})"}) EXPECT_FALSE(KeySet::parse(bad)) << bad;
}

}  // namespace
}  // namespace windlass::api::test
