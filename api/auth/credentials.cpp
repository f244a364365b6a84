#include "api/auth/credentials.h"

#include <algorithm>

#include "api/auth/api_token.h"
#include "api/auth/jwt.h"
#include "api/auth/sessions_repository.h"
#include "api/auth/tokens_repository.h"
#include "shared/digest.h"

namespace windlass::api {
namespace {

constexpr std::size_t most_remembered = 10'000;
constexpr Microseconds remembered_for = Seconds{1};
constexpr std::size_t longest_api_token = 200;  // ours have 52 characters or less

Problem refused() {
    return make_problem(401, "The credential is not valid: it is unknown, has expired or was revoked. Log in again.");
}

std::string key_of_session(const std::string& id) {
    return "session " + id;
}

}  // namespace

OrProblem<Identified> Credentials::identify(const Request& request) {
    using Place = PresentedCredential::Place;
    const auto presented = presented_credential(request);
    if (presented.place == Place::none)
        return make_problem(401, "This needs a credential: send the header \"Authorization: Bearer <token>\".");
    std::optional<AccessToken> access;  // read once: that is an HMAC
    if (looks_like_jwt(presented.token)) access = read_access_token(*keys_.get(), presented.token, clock_.now().wall);
    const bool expired = presented.token.empty() || (access && access->state == AccessToken::State::expired);
    std::optional<Identified> found;
    if (expired && !presented.refresh.empty()) {
        WINDLASS_TRY(found, renew(request, presented.refresh));
    } else if (!presented.token.empty()) {
        WINDLASS_TRY(auto principal, access ? resolve_access_token(*access) : resolve_api_token(presented.token));
        if (principal) found = Identified{*std::move(principal)};
    }
    if (!found) return refused();
    // Scripts of clusters send an API token as a cookie. This server gives no browser such a cookie, and browsers say
    // where a change comes from.
    const bool from_script = presented.scripts_cookie && found->principal.token != 0 &&
                             !is_from_foreign_page(request, settings_.allowed_origins);
    if (presented.place == Place::cookie && changes_something(request.method) && !from_script &&
        !is_from_good_page(request, settings_.allowed_origins))
        return make_problem(403,
                            "A cookie is not enough for a change that was asked for by another site; send the token in "
                            "the header Authorization.");
    return *std::move(found);
}

OrProblem<Principal> Credentials::require(const Request& request) {
    WINDLASS_TRY(auto identified, identify(request));
    return std::move(identified.principal);
}

Result<std::optional<Principal>> Credentials::resolve(std::string_view token) {
    if (looks_like_jwt(token)) return resolve_access_token(read_access_token(*keys_.get(), token, clock_.now().wall));
    return resolve_api_token(token);
}

Result<std::optional<Principal>> Credentials::resolve_access_token(const AccessToken& read) {
    if (read.state != AccessToken::State::good) return std::optional<Principal>();
    return resolve_session(read.claims.session, read.claims.account);
}

IssuedAccess Credentials::issue(const LiveSession& session) const {
    const WallTime now = clock_.now().wall;
    const auto left = std::chrono::floor<Seconds>(session.expires - now);
    const Seconds lifetime = std::clamp(Seconds{settings_.access_token_s}, Seconds{1}, std::max(left, Seconds{1}));
    AccessClaims claims{session.principal.id, session.principal.session, now, now + lifetime};
    return {make_access_token(keys_.get()->first(), claims), lifetime};
}

void Credentials::forget(UserId account) {
    const std::lock_guard lock(mutex_);
    ++generation_;
    std::erase_if(cache_, [&](const auto& entry) { return entry.second.principal.id == account; });
}

Result<std::optional<Principal>> Credentials::resolve_session(const std::string& id, UserId account) {
    const Now now = clock_.now();
    const std::string key = key_of_session(id);
    auto known = recall(key, now.steady);
    if (!known) {
        const auto before = generation();
        WINDLASS_TRY(auto live, sessions_.live(id, now.wall));
        if (!live) return std::optional<Principal>();
        remember(key, {live->principal, std::min(now.steady + remembered_for, now.steady + (live->expires - now.wall))},
                 before);
        known = std::move(live->principal);
    }
    if (known->id != account) return std::optional<Principal>();
    return known;
}

Result<std::optional<Principal>> Credentials::resolve_api_token(std::string_view token) {
    if (token.size() > longest_api_token || !may_be_api_token(token)) return std::optional<Principal>();
    const Now now = clock_.now();
    const std::string key = token_hash_hex(token);
    if (const auto known = recall(key, now.steady)) return known;
    const auto before = generation();
    WINDLASS_TRY(const auto found, tokens_.principal_of(std::string(token), now.wall));
    if (!found) return std::optional<Principal>();
    auto until = now.steady + remembered_for;
    if (found->expires) until = std::min(until, now.steady + (*found->expires - now.wall));
    remember(key, {found->principal, until}, before);
    return std::optional(found->principal);
}

// The refresh token itself stays as it is until the session ends: of several requests that a page sends at once each
// may renew, and none of them shuts the others out.
OrProblem<std::optional<Identified>> Credentials::renew(const Request& request, std::string_view refresh_token) {
    const WallTime now = clock_.now().wall;
    WINDLASS_TRY(auto live, sessions_.of_refresh_token(token_hash_hex(refresh_token), now));
    if (!live) return std::optional<Identified>();
    const auto access = issue(*live);
    const bool secure = request_is_secure(request);
    Identified identified;
    identified.renewed = {
        access_cookie(access.token, access.lifetime, secure),
        claims_cookie(make_readable_claims(live->principal.username, live->principal.roles, live->expires),
                      std::chrono::floor<Seconds>(live->expires - now), secure)};
    identified.principal = std::move(live->principal);
    return std::optional(std::move(identified));
}

std::optional<Principal> Credentials::recall(const std::string& key, SteadyTime now) {
    const std::lock_guard lock(mutex_);
    const auto found = cache_.find(key);
    if (found == cache_.end()) return std::nullopt;
    if (found->second.until > now) return found->second.principal;
    cache_.erase(found);
    return std::nullopt;
}

void Credentials::remember(const std::string& key, Remembered entry, std::uint64_t generation) {
    const std::lock_guard lock(mutex_);
    if (generation != generation_) return;
    if (cache_.size() >= most_remembered) cache_.clear();
    cache_.insert_or_assign(key, std::move(entry));
}

std::uint64_t Credentials::generation() const {
    const std::lock_guard lock(mutex_);
    return generation_;
}

}  // namespace windlass::api
