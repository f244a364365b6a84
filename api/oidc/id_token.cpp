#include "api/oidc/id_token.h"

#include <cjose/cjose.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "shared/digest.h"
#include "shared/json.h"

namespace windlass::api {
namespace {

constexpr std::size_t longest_token = 16 * 1024;
constexpr JsonRules claim_rules{.max_depth = 8, .max_values = 2000};

struct KeyDeleter {
    void operator()(cjose_jwk_t* key) const { cjose_jwk_release(key); }
};
struct JwsDeleter {
    void operator()(cjose_jws_t* jws) const { cjose_jws_release(jws); }
};
using Jws = std::unique_ptr<cjose_jws_t, JwsDeleter>;

struct Key {
    std::string kid;
    std::string algorithm;  // the one that this kind of key is believed with
    std::unique_ptr<cjose_jwk_t, KeyDeleter> jwk;
};

Error refused(std::string_view why) {
    return make_error(ErrorKind::denied, fmt::format("The provider's id_token is not good: {}.", why));
}

std::string_view text_member(const rapidjson::Value& object, const char* name) {
    const auto member = object.FindMember(name);
    return member != object.MemberEnd() && member->value.IsString() ? text_of(member->value) : std::string_view();
}

// Unpadded, as RFC 7515 has it. Debian's cjose is built with assertions, and some other texts break them: they would
// end the whole process.
bool is_base64url(std::string_view text) {
    return text.size() % 4 != 1 && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                      c == '_';
           });
}

// The compact form: header, content and signature.
bool has_three_parts(std::string_view token) {
    int parts = 1;
    for (auto dot = token.find('.'); dot != std::string_view::npos; dot = token.find('.'), ++parts) {
        if (dot == 0 || !is_base64url(token.substr(0, dot))) return false;
        token.remove_prefix(dot + 1);
    }
    return parts == 3 && !token.empty() && is_base64url(token);
}

// The numbers that make a key of these two kinds.
bool has_good_numbers(const rapidjson::Value& key) {
    return std::all_of(key.MemberBegin(), key.MemberEnd(), [](const auto& member) {
        const auto name = text_of(member.name);
        const bool number = name == "n" || name == "e" || name == "x" || name == "y" || name == "d";
        return !number ||
               (member.value.IsString() && !text_of(member.value).empty() && is_base64url(text_of(member.value)));
    });
}

Result<Jws> import(std::string_view token) {
    if (token.empty() || token.size() > longest_token) return refused("its length is impossible");
    if (!has_three_parts(token)) return refused("it is not a signed token");
    cjose_err error{};
    Jws jws(cjose_jws_import(token.data(), token.size(), &error));
    if (!jws) return refused("it is not a signed token");
    return jws;
}

std::string header_of(const Jws& jws, const char* name) {
    cjose_err error{};
    const char* value = cjose_header_get(cjose_jws_get_protected(jws.get()), name, &error);
    return value == nullptr ? std::string() : std::string(value);
}

bool has_header(const Jws& jws, const char* name) {
    cjose_err error{};
    char* value = cjose_header_get_raw(cjose_jws_get_protected(jws.get()), name, &error);
    const bool there = value != nullptr && std::string_view(value) != "null";
    cjose_get_dealloc()(value);
    return there;
}

// A claim may be a text or a list of texts (aud, roles).
std::vector<std::string> texts(const rapidjson::Value& value) {
    std::vector<std::string> list;
    if (value.IsString()) list.emplace_back(text_of(value));
    if (value.IsArray())
        for (const auto& element : value.GetArray())
            if (element.IsString()) list.emplace_back(text_of(element));
    return list;
}

std::vector<std::string> texts_at(const rapidjson::Value& claims, std::string_view path) {
    const rapidjson::Value* value = &claims;
    while (!path.empty()) {
        const auto name = path.substr(0, path.find('.'));
        path.remove_prefix(std::min(path.size(), name.size() + 1));
        if (!value->IsObject()) return {};
        const auto member = value->FindMember(rapidjson::Value(rapidjson::StringRef(name.data(), name.size())));
        if (member == value->MemberEnd()) return {};
        value = &member->value;
    }
    return value == &claims ? std::vector<std::string>() : texts(*value);
}

Result<std::int64_t> seconds(const rapidjson::Value& claims, const char* name) {
    const auto member = claims.FindMember(name);
    if (member == claims.MemberEnd() || !member->value.IsNumber()) return refused(fmt::format("it has no {}", name));
    const double value = member->value.GetDouble();
    if (!(value >= 0 && value < 1e12)) return refused(fmt::format("its {} is no time", name));
    return static_cast<std::int64_t>(value);
}

Status check_claims(const rapidjson::Value& claims, const IdTokenExpectations& expected) {
    if (text_member(claims, "iss") != expected.issuer) return refused("another issuer made it");
    if (text_member(claims, "sub").empty()) return refused("it names nobody");
    if (claims.FindMember("aud") == claims.MemberEnd()) return refused("it names no audience");
    const auto audience = texts(claims["aud"]);
    if (std::find(audience.begin(), audience.end(), expected.client_id) == audience.end())
        return refused("it was made for another audience");
    const auto party = text_member(claims, "azp");
    if ((audience.size() > 1 || !party.empty()) && party != expected.client_id)
        return refused("it was given to another party");
    const std::int64_t now = to_unix_us(expected.now) / 1'000'000;
    const std::int64_t leeway = expected.leeway.count();
    WINDLASS_TRY(const auto expires, seconds(claims, "exp"));
    if (expires + leeway <= now) return refused("it has expired");
    WINDLASS_TRY(const auto issued, seconds(claims, "iat"));
    if (issued - leeway > now) return refused("it was made in the future; compare the clocks");
    if (!equal_secret(text_member(claims, "nonce"), expected.nonce)) return refused("it belongs to another login");
    return {};
}

IdClaims claims_of(const rapidjson::Value& claims, const IdTokenExpectations& expected) {
    IdClaims result;
    result.issuer = text_member(claims, "iss");
    result.subject = text_member(claims, "sub");
    result.username = text_member(claims, expected.username_claim.c_str());
    const auto verified = claims.FindMember("email_verified");
    if (verified == claims.MemberEnd() || (verified->value.IsBool() && verified->value.GetBool()))
        result.email = text_member(claims, "email");
    result.name = text_member(claims, "name");
    result.roles = texts_at(claims, expected.roles_claim);
    return result;
}

}  // namespace

struct KeySet::Inside {
    std::vector<Key> keys;
};

KeySet::KeySet(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
KeySet::~KeySet() = default;
KeySet::KeySet(KeySet&&) noexcept = default;
KeySet& KeySet::operator=(KeySet&&) noexcept = default;

bool KeySet::empty() const {
    return inside_->keys.empty();
}

bool KeySet::has(std::string_view kid) const {
    return std::any_of(inside_->keys.begin(), inside_->keys.end(), [&](const Key& key) { return key.kid == kid; });
}

Result<KeySet> KeySet::parse(std::string_view json) {
    auto document = parse_json(json, claim_rules);
    if (!document || !document->IsObject() || !document->HasMember("keys") || !(*document)["keys"].IsArray())
        return make_error(ErrorKind::invalid, "The provider's keys are not a JSON Web Key Set.");
    auto inside = std::make_unique<Inside>();
    for (const auto& entry : (*document)["keys"].GetArray()) {
        if (!entry.IsObject()) continue;
        const auto use = text_member(entry, "use");
        if (!use.empty() && use != "sig") continue;
        Key key;
        key.kid = text_member(entry, "kid");
        const auto kind = text_member(entry, "kty");
        // Never a symmetric key: whoever knows the public key could sign with it.
        if (kind == "RSA") key.algorithm = "RS256";
        if (kind == "EC" && text_member(entry, "crv") == "P-256") key.algorithm = "ES256";
        const auto algorithm = text_member(entry, "alg");
        if (key.algorithm.empty() || (!algorithm.empty() && algorithm != key.algorithm)) continue;
        if (!has_good_numbers(entry)) continue;
        rapidjson::StringBuffer buffer;
        JsonWriter writer(buffer);
        entry.Accept(writer);
        cjose_err error{};
        key.jwk.reset(cjose_jwk_import(buffer.GetString(), buffer.GetSize(), &error));
        if (key.jwk) inside->keys.push_back(std::move(key));
    }
    return KeySet(std::move(inside));
}

class IdTokenCheck {
  public:
    static Status signature(const Jws& jws, const KeySet& keys) {
        const std::string algorithm = header_of(jws, "alg");
        const std::string kid = header_of(jws, "kid");
        if (has_header(jws, "crit")) return refused("it asks for an extension that is unknown here");
        for (const Key& key : keys.inside_->keys) {
            if (key.algorithm != algorithm || (!kid.empty() && key.kid != kid)) continue;
            cjose_err error{};
            if (cjose_jws_verify(jws.get(), key.jwk.get(), &error)) return {};
        }
        return refused("no key of the provider has signed it");
    }
};

Result<std::string> key_of_id_token(std::string_view token) {
    WINDLASS_TRY(const auto jws, import(token));
    return header_of(jws, "kid");
}

Result<IdClaims> check_id_token(std::string_view token, const KeySet& keys, const IdTokenExpectations& expected) {
    WINDLASS_TRY(const auto jws, import(token));
    WINDLASS_TRY_STATUS(IdTokenCheck::signature(jws, keys));
    std::uint8_t* bytes = nullptr;
    std::size_t size = 0;
    cjose_err error{};
    if (!cjose_jws_get_plaintext(jws.get(), &bytes, &size, &error)) return refused("it has no content");
    const auto claims = parse_json({reinterpret_cast<const char*>(bytes), size}, claim_rules);
    if (!claims || !claims->IsObject()) return refused("its content is not a JSON object");
    WINDLASS_TRY_STATUS(check_claims(*claims, expected));
    return claims_of(*claims, expected);
}

bool are_complete(const IdClaims& claims, const IdTokenExpectations& expected) {
    return !claims.username.empty() && (expected.roles_claim.empty() || !claims.roles.empty());
}

Status add_userinfo(IdClaims& claims, std::string_view userinfo, const IdTokenExpectations& expected) {
    const auto document = parse_json(userinfo, claim_rules);
    if (!document || !document->IsObject())
        return make_error(ErrorKind::unavailable, "the provider's userinfo is not a JSON object");
    // Or the answer to one login could be played into another.
    if (text_member(*document, "sub") != claims.subject)
        return make_error(ErrorKind::denied, "The provider's userinfo speaks of somebody else than its id_token.");
    IdClaims more = claims_of(*document, expected);
    const auto fill = [](auto& known, auto& said) {
        if (known.empty()) known = std::move(said);
    };
    fill(claims.username, more.username);
    fill(claims.email, more.email);
    fill(claims.name, more.name);
    fill(claims.roles, more.roles);
    return {};
}

}  // namespace windlass::api
