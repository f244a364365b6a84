#include "api/auth/jwt.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "api/auth/base64url.h"
#include "api/role_names.h"
#include "shared/digest.h"
#include "shared/json.h"

namespace windlass::api {
namespace {

std::int64_t unix_seconds(WallTime time) {
    return std::chrono::floor<Seconds>(time).time_since_epoch().count();
}

std::string signature_of(const SigningKey& key, std::string_view signed_part) {
    std::array<unsigned char, crypto_auth_hmacsha256_BYTES> code{};
    crypto_auth_hmacsha256(code.data(), reinterpret_cast<const unsigned char*>(signed_part.data()), signed_part.size(),
                           key.bytes.data());
    return to_base64url({reinterpret_cast<const char*>(code.data()), code.size()});
}

const rapidjson::Value* member(const rapidjson::Value& object, const char* name) {
    const auto found = object.FindMember(name);
    return found == object.MemberEnd() ? nullptr : &found->value;
}

bool is_text(const rapidjson::Value* value, std::string_view text) {
    return value != nullptr && value->IsString() && text_of(*value) == text;
}

std::optional<std::int64_t> moment(const rapidjson::Value* value) {
    // Until the year 9999; beyond it arithmetic with microseconds would overflow.
    if (value == nullptr || !value->IsInt64() || value->GetInt64() < 0 || value->GetInt64() > 253'402'300'799)
        return std::nullopt;
    return value->GetInt64();
}

std::optional<UserId> account_of(const rapidjson::Value* subject) {
    if (subject == nullptr || !subject->IsString()) return std::nullopt;
    const auto text = text_of(*subject);
    UserId id;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), id.value);
    if (failed != std::errc() || end != text.data() + text.size() || id.value < 1 || id.text() != text)
        return std::nullopt;
    return id;
}

AccessToken judged(const rapidjson::Document& claims, WallTime now) {
    if (!claims.IsObject() || !is_text(member(claims, "iss"), jwt_issuer) ||
        !is_text(member(claims, "aud"), jwt_audience))
        return {};
    const auto account = account_of(member(claims, "sub"));
    const auto* session = member(claims, "sid");
    const auto issued = moment(member(claims, "iat"));
    const auto expires = moment(member(claims, "exp"));
    const auto* not_before = member(claims, "nbf");
    if (!account || session == nullptr || !session->IsString() || session->GetStringLength() == 0 || !issued ||
        !expires || *expires <= *issued)
        return {};
    const auto soonest = not_before == nullptr ? issued : moment(not_before);
    const std::int64_t at = unix_seconds(now), leeway = jwt_leeway.count();
    if (!soonest || std::max(*soonest, *issued) > at + leeway) return {};
    AccessToken token;
    token.state = *expires + leeway > at ? AccessToken::State::good : AccessToken::State::expired;
    token.claims = {*account, std::string(text_of(*session)), WallTime{Seconds{*issued}}, WallTime{Seconds{*expires}}};
    return token;
}

}  // namespace

std::string make_access_token(const SigningKey& key, const AccessClaims& claims) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    json.Key("iss");
    put(json, jwt_issuer);
    json.Key("aud");
    put(json, jwt_audience);
    json.Key("sub");
    put(json, claims.account.text());
    json.Key("sid");
    put(json, claims.session);
    json.Key("iat");
    json.Int64(unix_seconds(claims.issued));
    json.Key("exp");
    json.Int64(unix_seconds(claims.expires));
    json.EndObject();
    return sign_access_token(key, text_of(buffer));
}

std::string sign_access_token(const SigningKey& key, std::string_view claims) {
    const std::string signed_part = key.header + "." + to_base64url(claims);
    return signed_part + "." + signature_of(key, signed_part);
}

AccessToken read_access_token(const SigningKeys& keys, std::string_view token, WallTime now) {
    if (token.size() > longest_jwt) return {};
    const auto first = token.find('.');
    const auto last = token.rfind('.');
    if (first == std::string_view::npos || first == last) return {};
    const auto header = token.substr(0, first);
    for (const SigningKey& key : keys.all()) {
        if (header != key.header) continue;
        // Compared as text: what decodes to the same bytes in another spelling is not our token.
        if (!equal_secret(signature_of(key, token.substr(0, last)), token.substr(last + 1))) return {};
        const auto payload = from_base64url(token.substr(first + 1, last - first - 1));
        if (!payload) return {};
        const auto claims = parse_json(*payload, {.max_depth = 2, .max_values = 64});
        return claims ? judged(*claims, now) : AccessToken{};
    }
    return {};
}

bool looks_like_jwt(std::string_view token) {
    return std::count(token.begin(), token.end(), '.') == 2;
}

std::string make_readable_claims(std::string_view username, Roles roles, WallTime expires) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    json.Key("Username");
    put(json, username);
    json.Key("Roles");
    json.StartArray();
    for (const auto name : names_of(roles)) put(json, name);
    json.EndArray();
    json.Key("iss");
    put(json, jwt_issuer);
    json.Key("exp");
    json.Int64(unix_seconds(expires));
    json.EndObject();
    return to_base64url(R"({"alg":"HS256","typ":"JWT"})") + "." + to_base64url(text_of(buffer)) + ".";
}

bool is_readable_claims(std::string_view token) {
    return looks_like_jwt(token) && token.ends_with('.');
}

}  // namespace windlass::api
