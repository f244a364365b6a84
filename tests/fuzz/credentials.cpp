// Headers that say who asks, and where he was: Authorization, Cookie, Origin, Idempotency-Key, Range, Last-Event-ID.
// The input is a head as the framer hands it on: lines "Name: value"; what follows an empty line is the body.
//
// Promises: a token has only the characters that one may have; a page of another site is never taken for ours; one key
// and one request always give the same row, and another body never does; a range lies within the bytes; a position is
// written as it was read; a token's scopes open what they name and nothing else. No token opens that we did not sign, and
// the claims of one that we did make sense.
#include "api/auth/presented_credential.h"

#include <algorithm>
#include <array>
#include <limits>

#include "api/auth/base64url.h"
#include "api/auth/form.h"
#include "api/auth/jwt.h"
#include "api/byte_range.h"
#include "api/idempotency.h"
#include "api/log_position.h"
#include "api/router.h"
#include "api/scopes.h"
#include "shared/json.h"
#include "tests/fuzz/target.h"

namespace windlass::fuzz {
namespace {

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

api::Request request_of(std::string_view input) {
    api::Request request;
    request.method = "POST";
    request.path = "/api/jobs/submit/";
    while (!input.empty()) {
        const auto end = std::min(input.find('\n'), input.size());
        const auto line = trimmed(input.substr(0, end));
        input.remove_prefix(std::min(end + 1, input.size()));
        if (line.empty()) break;
        const auto colon = line.find(':');
        if (colon == std::string_view::npos || colon == 0) continue;
        // The framer lets no other control character through.
        const auto value = trimmed(line.substr(colon + 1));
        if (std::any_of(value.begin(), value.end(),
                        [](char c) { return c != '\t' && static_cast<unsigned char>(c) < 0x20; }))
            continue;
        request.headers.emplace_back(line.substr(0, colon), value);
    }
    request.body = input;
    return request;
}

bool may_stand_in_a_token(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("-._~+/=").find(c) != std::string_view::npos;
}

bool lies_in(std::string_view part, const api::Request& request) {
    return std::any_of(request.headers.begin(), request.headers.end(), [&](const auto& header) {
        const std::string_view value = header.second;
        return std::greater_equal<>()(part.data(), value.data()) &&
               std::less_equal<>()(part.data() + part.size(), value.data() + value.size());
    });
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

const api::SigningKeys& keys() {
    static const auto parsed = api::SigningKeys::parse(std::string(64, 'a'));
    return parsed.value();
}

// Nobody guesses a signature; what a key of ours has signed is still read with care.
void try_tokens(std::string_view presented, std::string_view claims) {
    const WallTime now{Seconds{1'800'000'000}};
    require(api::read_access_token(keys(), presented, now).state == api::AccessToken::State::invalid,
            "a token that we did not sign is invalid", presented);
    if (const auto bytes = api::from_base64url(presented))
        require(api::to_base64url(*bytes) == presented, "base64url has one text for each value", presented);
    const auto read = api::read_access_token(keys(), api::sign_access_token(keys().first(), claims), now);
    if (read.state != api::AccessToken::State::invalid)
        require(read.claims.account.value > 0 && !read.claims.session.empty() &&
                    read.claims.expires > read.claims.issued && read.claims.issued <= now + api::jwt_leeway,
                "claims that are believed make sense", claims);
    if (const auto form = api::parse_form(claims))
        for (const auto& [name, value] : *form)
            require(!name.empty() && is_valid_utf8(name) && is_valid_utf8(value), "a form holds text", claims);
}

void try_credential(const api::Request& request) {
    using Place = api::PresentedCredential::Place;
    const auto presented = api::presented_credential(request);
    require(presented.token.size() <= api::longest_jwt &&
                std::all_of(presented.token.begin(), presented.token.end(), may_stand_in_a_token),
            "a token has the characters of one");
    require(presented.token.empty() || lies_in(presented.token, request), "a token is a part of the request");
    require((presented.place == Place::header) == !request.header("Authorization").empty(),
            "the header decides when it is there");
    if (presented.place == Place::cookie)
        require(!request.cookie("Authorization").empty() || !request.cookie("access_token").empty() ||
                    !request.cookie("refresh_token").empty(),
                "a cookie decides only if it is there");
    require(!api::is_readable_claims(presented.token) || presented.place == Place::header ||
                presented.token == request.cookie("access_token"),
            "the readable claims are stepped over");
    require(presented.refresh.empty() || presented.place == Place::cookie, "only cookies are renewed");

    try_tokens(presented.token, request.body);

    if (!api::is_same_origin(request)) return;
    const auto site = request.header("Sec-Fetch-Site");
    const auto origin = request.header("Origin");
    const auto host = request.header("Host");
    const std::string_view tail = origin.size() > host.size() ? origin.substr(origin.size() - host.size()) : "";
    const bool by_origin = !host.empty() && std::equal(host.begin(), host.end(), tail.begin(), tail.end(),
                                                       [](char a, char b) { return lower(a) == lower(b); });
    require(site == "same-origin" || site == "none" || (site.empty() && by_origin),
            "ours is what the browser calls ours", origin);
}

void try_key(const api::Request& request) {
    const api::Route route{"POST", "/api/jobs/submit/"};
    api::Principal somebody;
    somebody.id = UserId{7};
    const auto key = api::read_idempotency_key(request, route, somebody);
    if (!key) return require(key.error().status == 400, "a bad key is a 400");
    if (!key.value()) return require(request.header("Idempotency-Key").empty(), "a key that is there is read");
    const auto again = api::read_idempotency_key(request, route, somebody);
    require(
        again.ok() && again.value()->key == key.value()->key && again.value()->body_sha256 == key.value()->body_sha256,
        "the same request gives the same row");
    auto other = request;
    other.body += ' ';
    const auto another = api::read_idempotency_key(other, route, somebody);
    require(another.ok() && another.value()->key == key.value()->key &&
                another.value()->body_sha256 != key.value()->body_sha256,
            "another body under the same key is told apart");
    const auto stranger = api::read_idempotency_key(other, route, {});
    require(stranger.ok() && stranger.value()->key != key.value()->key, "strangers have keys of their own");
}

// A token's scopes, as the database has them. What is read never opens more than its words say.
void try_scopes(std::string_view text) {
    const auto scopes = api::parse_scopes(text);
    if (!scopes) return require(is_valid_utf8(scopes.error().message) || !is_valid_utf8(text), "a refusal is a sentence");
    require(scopes->is_all() == text.empty(), "only nothing at all means everything", text);
    const auto again = api::parse_scopes(api::words_of(*scopes));
    require(again.ok() && *again == *scopes, "scopes are written as they are read", text);
    for (std::uint32_t bit = 1; bit <= static_cast<std::uint32_t>(api::Scope::admin) && !text.empty(); bit <<= 1) {
        const auto scope = static_cast<api::Scope>(bit);
        require(!scopes->allows(scope) || text.find(api::name_of(scope)) != std::string_view::npos,
                "no scope is open that is not named", text);
    }
}

void try_range(std::string_view header) {
    for (const std::int64_t size :
         {std::int64_t{0}, std::int64_t{1}, std::int64_t{1000}, std::numeric_limits<std::int64_t>::max()}) {
        const auto range = api::parse_range(header, size);
        if (const auto* bytes = std::get_if<api::ByteRange>(&range))
            require(bytes->first >= 0 && bytes->first <= bytes->last && bytes->last < size,
                    "a range lies within the bytes", header);
    }
}

void try_position(std::string_view text) {
    if (const auto position = api::LogPosition::parse(text))
        require(position->text() == text, "a position is one text", text);
    if (const auto position = api::EventPosition::parse(text))
        require(position->text() == text, "an event id is one text", text);
}

}  // namespace

void fuzz_credentials(std::string_view input) {
    const auto request = request_of(input);
    try_credential(request);
    try_key(request);
    try_scopes(input);
    try_range(request.header("Range"));
    try_range(input);
    try_position(request.header("Last-Event-ID"));
    try_position(input);
}

}  // namespace windlass::fuzz
