#include "api/auth/jwt.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <array>

#include "api/auth/base64url.h"
#include "shared/digest.h"
#include "shared/json.h"

namespace windlass::api::test {
namespace {

using State = AccessToken::State;
const WallTime now{Seconds{1'800'000'000}};
const std::string first_key = std::string(62, 'a') + "01";
const std::string second_key = std::string(62, 'b') + "02";

SigningKeys keys_of(const std::string& text) {
    initialise_crypto();
    auto keys = SigningKeys::parse(text);
    EXPECT_TRUE(keys) << keys.error().message;
    return std::move(keys).value();
}

AccessClaims claims() {
    return {UserId{7}, "session-1", now, now + Seconds{3600}};
}

// A token whose signature is right, whatever stands in it: what somebody with the key, or a mistake of ours, could
// make.
std::string signed_with(const SigningKey& key, const std::string& header, const std::string& payload) {
    const std::string part = to_base64url(header) + "." + to_base64url(payload);
    std::array<unsigned char, 32> code{};
    crypto_auth_hmacsha256(code.data(), reinterpret_cast<const unsigned char*>(part.data()), part.size(),
                           key.bytes.data());
    return part + "." + to_base64url({reinterpret_cast<const char*>(code.data()), code.size()});
}

std::string header_of(const SigningKey& key) {
    return from_base64url(key.header).value();
}

std::string payload(const std::string& changed = {}, const std::string& value = {}) {
    const std::pair<std::string, std::string> members[] = {{"iss", "\"windlass\""}, {"aud", "\"windlass-api\""},
                                                           {"sub", "\"7\""},        {"sid", "\"session-1\""},
                                                           {"iat", "1800000000"},   {"exp", "1800003600"}};
    std::string text = "{";
    for (const auto& [name, good] : members) {
        const std::string& used = name == changed ? value : good;
        if (used.empty()) continue;
        text += (text.size() > 1 ? ",\"" : "\"") + name + "\":" + used;
    }
    if (!changed.empty() && text.find("\"" + changed + "\"") == std::string::npos && !value.empty())
        text += ",\"" + changed + "\":" + value;
    return text + "}";
}

TEST(Jwt, comes_back_as_it_was_made) {
    const auto keys = keys_of(first_key);
    const auto token = make_access_token(keys.first(), claims());
    const auto read = read_access_token(keys, token, now);
    EXPECT_EQ(read.state, State::good);
    EXPECT_EQ(read.claims.account, UserId{7});
    EXPECT_EQ(read.claims.session, "session-1");
    EXPECT_EQ(read.claims.expires, now + Seconds{3600});
    EXPECT_TRUE(looks_like_jwt(token));
    EXPECT_EQ(token, signed_with(keys.first(), header_of(keys.first()), payload()))
        << "HMAC-SHA-256, as RFC 7518 has it";
}

TEST(Jwt, is_what_other_programs_make_of_the_same_key) {
    // Made with Python's hmac and hashlib.
    EXPECT_EQ(make_access_token(keys_of(first_key).first(), claims()),
              "eyJhbGciOiJIUzI1NiIsImtpZCI6IjU0Yzc1ZjI0Mzc2ZGQyNGQiLCJ0eXAiOiJKV1QifQ."
              "eyJpc3MiOiJ3aW5kbGFzcyIsImF1ZCI6IndpbmRsYXNzLWFwaSIsInN1YiI6IjciLCJzaWQiOiJzZXNzaW9uLTEiLCJpYXQiOjE4MDAw"
              "MDAwMDAsImV4cCI6MTgwMDAwMzYwMH0."
              "0FW0vzgfrvmq5GCdrsllAme0xQOKsTNXEz5LqCPMVhM");
}

TEST(Jwt, ends_a_minute_after_its_time_and_says_so) {
    const auto keys = keys_of(first_key);
    const auto token = make_access_token(keys.first(), claims());
    EXPECT_EQ(read_access_token(keys, token, now + Seconds{3659}).state, State::good);
    EXPECT_EQ(read_access_token(keys, token, now + Seconds{3660}).state, State::expired);
    EXPECT_EQ(read_access_token(keys, token, now + Seconds{1'000'000}).state, State::expired);
    EXPECT_EQ(read_access_token(keys, token, now - Seconds{60}).state, State::good);
    EXPECT_EQ(read_access_token(keys, token, now - Seconds{61}).state, State::invalid) << "made in the future";
}

TEST(Jwt, both_live_keys_are_believed_and_the_first_signs) {
    const auto old_keys = keys_of(second_key);
    const auto keys = keys_of(first_key + "\n" + second_key + "\n");
    EXPECT_EQ(read_access_token(keys, make_access_token(old_keys.first(), claims()), now).state, State::good);
    EXPECT_EQ(read_access_token(old_keys, make_access_token(keys.first(), claims()), now).state, State::invalid);
    EXPECT_NE(keys.all()[0].header, keys.all()[1].header);
}

TEST(Jwt, another_key_under_our_id_opens_nothing) {
    const auto keys = keys_of(first_key);
    const auto others = keys_of(second_key);
    EXPECT_EQ(read_access_token(keys, signed_with(others.first(), header_of(keys.first()), payload()), now).state,
              State::invalid);
}

TEST(Jwt, any_header_but_ours_is_refused_even_with_a_right_signature) {
    const auto keys = keys_of(first_key);
    const std::string id = header_of(keys.first()).substr(22, 16);
    const std::string headers[] = {
        R"({"alg":"none","typ":"JWT"})",
        R"({"alg":"none","kid":")" + id + R"(","typ":"JWT"})",
        R"({"alg":"HS256","typ":"JWT"})",
        R"({"alg":"HS384","kid":")" + id + R"(","typ":"JWT"})",
        R"({"alg":"RS256","kid":")" + id + R"(","typ":"JWT"})",
        R"({"alg":"hs256","kid":")" + id + R"(","typ":"JWT"})",
        R"({"typ":"JWT","alg":"HS256","kid":")" + id + R"("})",
        R"({"alg":"HS256", "kid":")" + id + R"(","typ":"JWT"})",
        R"({"alg":"HS256","kid":"0000000000000000","typ":"JWT"})",
        R"({"alg":"HS256","kid":"../../../../dev/null","typ":"JWT"})",
        R"({"alg":"HS256","kid":"' or 1=1 --","typ":"JWT"})",
        R"({"alg":"HS256","kid":")" + id + R"(","typ":"JWT","jwk":{"kty":"oct","k":"AA"}})",
        R"({"alg":"HS256","kid":")" + id + R"(","typ":"JWT","jku":"http://evil.example/"})",
        R"({"alg":"HS256","kid":")" + id + R"(","typ":"JWT","crit":["b64"]})",
        "{}",
        "",
    };
    for (const auto& header : headers)
        EXPECT_EQ(read_access_token(keys, signed_with(keys.first(), header, payload()), now).state, State::invalid)
            << header;
}

TEST(Jwt, wrong_claims_are_refused_even_with_a_right_signature) {
    const auto keys = keys_of(first_key);
    const auto state = [&](const std::string& text) {
        return read_access_token(keys, signed_with(keys.first(), header_of(keys.first()), text), now).state;
    };
    ASSERT_EQ(state(payload()), State::good);
    ASSERT_EQ(state(payload("nbf", "1800000060")), State::good);
    ASSERT_EQ(state(payload("later", "\"claims are ignored\"")), State::good);
    const std::pair<std::string, std::string> bad[] = {
        {"iss", "\"other\""},
        {"iss", ""},
        {"iss", "[\"windlass\"]"},
        {"aud", "\"other\""},
        {"aud", ""},
        {"aud", "[\"windlass-api\"]"},
        {"sub", ""},
        {"sub", "7"},
        {"sub", "\"\""},
        {"sub", "\"0\""},
        {"sub", "\"-7\""},
        {"sub", "\"07\""},
        {"sub", "\"7 \""},
        {"sub", "\"99999999999999999999\""},
        {"sid", ""},
        {"sid", "\"\""},
        {"sid", "1"},
        {"iat", ""},
        {"iat", "\"1800000000\""},
        {"iat", "1800000061"},
        {"iat", "-1"},
        {"iat", "1.5"},
        {"exp", ""},
        {"exp", "null"},
        {"exp", "1e300"},
        {"exp", "1800000000"},
        {"exp", "9223372036854775807"},
        {"nbf", "1800000061"},
        {"nbf", "\"0\""},
        {"nbf", "null"},
    };
    for (const auto& [name, value] : bad)
        EXPECT_EQ(state(payload(name, value)), State::invalid) << name << " = " << value;
    const std::string twice = payload().substr(0, payload().size() - 1) + R"(,"sub":"8"})";
    EXPECT_EQ(state(twice), State::invalid) << "duplicate claims";
    EXPECT_EQ(state(std::string(1000, '[') + std::string(1000, ']')), State::invalid);
    EXPECT_EQ(state(payload("deep", "{\"a\":{\"b\":1}}")), State::invalid);
    for (const char* text : {"", "null", "[]", "\"x\"", "{", "{} {}"}) EXPECT_EQ(state(text), State::invalid) << text;
}

TEST(Jwt, other_forms_are_refused) {
    const auto keys = keys_of(first_key);
    const auto good = make_access_token(keys.first(), claims());
    const auto stripped = good.substr(0, good.rfind('.') + 1);
    const std::string bad[] = {"",
                               ".",
                               "..",
                               "...",
                               good.substr(0, good.rfind('.')),
                               stripped,
                               good + ".",
                               "." + good,
                               good + "=",
                               good + "A",
                               stripped + "." + good.substr(stripped.size()),
                               good.substr(0, good.size() - 1),
                               std::string(longest_jwt, 'a') + good};
    for (const auto& token : bad) EXPECT_EQ(read_access_token(keys, token, now).state, State::invalid) << token;
    const std::string large =
        signed_with(keys.first(), header_of(keys.first()), payload("fill", "\"" + std::string(4000, 'x') + "\""));
    EXPECT_GT(large.size(), longest_jwt);
    EXPECT_EQ(read_access_token(keys, large, now).state, State::invalid);
}

TEST(Jwt, every_changed_byte_is_noticed) {
    const auto keys = keys_of(first_key);
    const auto good = make_access_token(keys.first(), claims());
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (const char other : {'A', 'B', 'x', '-', '_', '.', '=', '\0', '\xff'}) {
            if (good[at] == other) continue;
            std::string changed = good;
            changed[at] = other;
            ASSERT_EQ(read_access_token(keys, changed, now).state, State::invalid) << at << " " << other;
        }
        for (int bit = 0; bit < 8; ++bit) {
            std::string changed = good;
            changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
            ASSERT_EQ(read_access_token(keys, changed, now).state, State::invalid) << at << " bit " << bit;
        }
    }
}

TEST(ReadableClaims, are_for_scripts_and_are_no_token) {
    const auto keys = keys_of(first_key);
    const auto claims = make_readable_claims("ada", Roles(Role::user) | Roles(Role::admin), now + Seconds{60});
    EXPECT_TRUE(is_readable_claims(claims));
    EXPECT_FALSE(is_readable_claims(make_access_token(keys.first(), {UserId{1}, "s", now, now + Seconds{9}})));
    EXPECT_EQ(read_access_token(keys, claims, now).state, State::invalid);
    const auto middle = claims.substr(claims.find('.') + 1);
    EXPECT_EQ(from_base64url(middle.substr(0, middle.size() - 1)).value(),
              R"({"Username":"ada","Roles":["user","admin"],"iss":"windlass","exp":1800000060})");
}

TEST(Base64url, has_one_text_for_each_value) {
    EXPECT_EQ(to_base64url(""), "");
    EXPECT_EQ(to_base64url("f"), "Zg");
    EXPECT_EQ(to_base64url("foobar"), "Zm9vYmFy");
    EXPECT_EQ(to_base64url("\xfb\xff"), "-_8");
    EXPECT_EQ(from_base64url("Zg"), "f");
    EXPECT_EQ(from_base64url(""), "");
    for (const char* bad : {"Zh", "Zg=", "Zg==", "Z", "+/8", "Z g", "Zm9v\n", "Zm9vYmF", "%41"})
        EXPECT_EQ(from_base64url(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace windlass::api::test
