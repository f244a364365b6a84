// A token and a set of keys from a provider of OpenID Connect (api/oidc/id_token.h). The input: a token, a line end,
// and keys as JSON, or what its userinfo endpoint answers.
//
// Promises: without the provider's key no token is good, whatever it says of itself; a refusal is a sentence in valid
// UTF-8 that has nothing of the token in it; what userinfo says is about the same person, and takes the place of
// nothing that the token said.
#include "api/oidc/id_token.h"

#include <algorithm>

#include "shared/digest.h"
#include "shared/json.h"
#include "tests/fuzz/target.h"

namespace windlass::fuzz {
namespace {

// Public keys whose other halves nobody has kept (the EC one is from RFC 7517 appendix A.1, as is the RSA one).
constexpr std::string_view public_keys = R"({"keys":[
{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","kid":"ec"},
{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","kid":"rsa"}]})";

}  // namespace

void fuzz_id_tokens(std::string_view input) {
    [[maybe_unused]] static const bool ready = (initialise_crypto(), true);
    static const auto keys = api::KeySet::parse(public_keys);
    require(keys.ok() && keys->has("ec") && keys->has("rsa"), "the keys of the test are keys");
    const auto end = std::min(input.find('\n'), input.size());
    const auto token = input.substr(0, end);
    const api::IdTokenExpectations expected{.issuer = "https://login.example.org",
                                            .client_id = "windlass",
                                            .nonce = "nonce",
                                            .now = from_unix_us(1'800'000'000'000'000),
                                            .roles_claim = "realm.roles"};
    const auto claims = api::check_id_token(token, *keys, expected);
    require(!claims.ok(), "no token is good that the provider did not sign");
    require(is_valid_utf8(claims.error().message), "a refusal is a sentence");
    (void)api::key_of_id_token(token);
    if (end == input.size()) return;
    if (const auto others = api::KeySet::parse(input.substr(end + 1))) {
        (void)others->has("rsa");
        (void)api::check_id_token(token, *others, expected);
    }
    api::IdClaims known{
        .issuer = expected.issuer, .subject = "1234", .username = "ada", .email = {}, .name = {}, .roles = {}};
    const auto added = api::add_userinfo(known, input.substr(end + 1), expected);
    require(known.issuer == expected.issuer && known.subject == "1234" && known.username == "ada",
            "what the token said stays");
    require(added.ok() || (known.email.empty() && known.name.empty() && known.roles.empty()),
            "of an answer that is refused nothing is taken");
}

}  // namespace windlass::fuzz
