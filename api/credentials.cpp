#include "api/credentials.h"

#include <strings.h>

#include <algorithm>

#include "api/accounts_repository.h"
#include "shared/digest.h"

namespace windlass::api {
namespace {

constexpr std::size_t most_remembered = 10'000;
constexpr Microseconds remembered_for = Seconds{1};
constexpr std::size_t longest_token = 200;  // ours have 43 characters

bool is_token_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~+/=").find(c) != std::string_view::npos;
}

// RFC 6750 section 2.1; empty: not a token.
std::string_view checked(std::string_view token) {
    const bool good =
        !token.empty() && token.size() <= longest_token && std::all_of(token.begin(), token.end(), is_token_character);
    return good ? token : std::string_view();
}

// "Bearer <token>" or "Token <token>"; cookies may have the space as %20. Empty: something else.
std::string_view after_scheme(std::string_view value) {
    for (const std::string_view scheme : {"Bearer", "Token"}) {
        if (value.size() <= scheme.size() || strncasecmp(value.data(), scheme.data(), scheme.size()) != 0) continue;
        auto rest = value.substr(scheme.size());
        if (rest.starts_with("%20")) return checked(rest.substr(3));
        if (!rest.starts_with(' ')) continue;
        return checked(rest.substr(std::min(rest.find_first_not_of(' '), rest.size())));
    }
    return {};
}

std::string_view unquoted(std::string_view value) {
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') return value.substr(1, value.size() - 2);
    return value;
}

bool changes_something(std::string_view method) {
    return method != "GET" && method != "HEAD";
}

}  // namespace

PresentedCredential presented_credential(const Request& request) {
    using Place = PresentedCredential::Place;
    if (const auto header = request.header("Authorization"); !header.empty())
        return {Place::header, after_scheme(header)};
    if (const auto cookie = unquoted(request.cookie("Authorization")); !cookie.empty())
        return {Place::cookie, after_scheme(cookie)};
    if (const auto cookie = unquoted(request.cookie("access_token")); !cookie.empty())
        return {Place::cookie, checked(cookie)};
    return {};
}

bool is_same_origin(const Request& request) {
    const auto site = request.header("Sec-Fetch-Site");
    if (!site.empty()) return site == "same-origin" || site == "none";
    auto origin = request.header("Origin");
    const auto scheme = origin.find("://");
    if (scheme == std::string_view::npos) return false;
    origin.remove_prefix(scheme + 3);
    const auto host = request.header("Host");
    return !host.empty() && origin.size() == host.size() && strncasecmp(origin.data(), host.data(), host.size()) == 0;
}

OrProblem<Principal> Credentials::require(const Request& request) {
    const auto presented = presented_credential(request);
    if (presented.place == PresentedCredential::Place::none)
        return make_problem(401, "This needs a credential: send the header \"Authorization: Bearer <token>\".");
    const auto refused = [] {
        return make_problem(401,
                            "The credential is not valid: it is unknown, has expired or was revoked. Log in again.");
    };
    if (presented.token.empty()) return refused();
    WINDLASS_TRY(const auto principal, resolve(presented.token));
    if (!principal) return refused();
    if (presented.place == PresentedCredential::Place::cookie && changes_something(request.method) &&
        !is_same_origin(request))
        return make_problem(403,
                            "A cookie is not enough for a change that was asked for by another site; send the token in "
                            "the header Authorization.");
    return *principal;
}

Result<std::optional<Principal>> Credentials::resolve(std::string_view token) {
    const Now now = clock_.now();
    const std::string hash = token_hash_hex(token);
    if (const auto known = recall(hash, now.steady)) return known;
    std::uint64_t generation = 0;
    {
        const std::lock_guard lock(mutex_);
        generation = generation_;
    }
    WINDLASS_TRY(const auto found, accounts_.principal_of(hash, now.wall));
    if (!found) return std::optional<Principal>();
    auto until = now.steady + remembered_for;
    if (found->expires) until = std::min(until, now.steady + (*found->expires - now.wall));
    remember(hash, {found->principal, until}, generation);
    return std::optional(found->principal);
}

void Credentials::forget(UserId account) {
    const std::lock_guard lock(mutex_);
    ++generation_;
    std::erase_if(cache_, [&](const auto& entry) { return entry.second.principal.id == account; });
}

std::optional<Principal> Credentials::recall(const std::string& hash, SteadyTime now) {
    const std::lock_guard lock(mutex_);
    const auto found = cache_.find(hash);
    if (found == cache_.end()) return std::nullopt;
    if (found->second.until > now) return found->second.principal;
    cache_.erase(found);
    return std::nullopt;
}

void Credentials::remember(const std::string& hash, Remembered entry, std::uint64_t generation) {
    const std::lock_guard lock(mutex_);
    if (generation != generation_) return;
    if (cache_.size() >= most_remembered) cache_.clear();
    cache_.insert_or_assign(hash, entry);
}

}  // namespace windlass::api
