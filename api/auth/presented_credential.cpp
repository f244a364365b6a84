#include "api/auth/presented_credential.h"

#include <strings.h>

#include <algorithm>

#include "api/auth/jwt.h"
#include "api/front/header_text.h"
#include "api/front/origin.h"

namespace windlass::api {
namespace {

bool is_token_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~+/=").find(c) != std::string_view::npos;
}

// RFC 6750 section 2.1; empty: not a token.
std::string_view checked(std::string_view token) {
    const bool good =
        !token.empty() && token.size() <= longest_jwt && std::all_of(token.begin(), token.end(), is_token_character);
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

}  // namespace

PresentedCredential presented_credential(const Request& request) {
    using Place = PresentedCredential::Place;
    if (const auto header = request.header("Authorization"); !header.empty())
        return {Place::header, after_scheme(header), {}};
    if (const auto cookie = unquoted(request.cookie("Authorization")); !cookie.empty()) {
        const auto token = after_scheme(cookie);
        if (!is_readable_claims(token)) return {Place::cookie, token, {}, true};
    }
    const auto access = unquoted(request.cookie("access_token"));
    const auto refresh = checked(unquoted(request.cookie("refresh_token")));
    if (!access.empty()) {
        const auto token = checked(access);
        return {Place::cookie, token, token.empty() ? std::string_view() : refresh};
    }
    // The browser has dropped the access token when its time was over.
    if (!refresh.empty()) return {Place::cookie, {}, refresh};
    return {};
}

bool is_same_origin(const Request& request) {
    const auto site = request.header("Sec-Fetch-Site");
    if (!site.empty()) return site == "same-origin" || site == "none";
    auto origin = request.header("Origin");
    const auto scheme = origin.find("://");
    if (scheme == std::string_view::npos) return false;
    origin.remove_prefix(scheme + 3);
    // As the client wrote it, also to a proxy in front of us.
    const auto host = request.host.empty() ? request.header("Host") : std::string_view(request.host);
    return !host.empty() && equal_without_case(origin, host);
}

bool is_from_good_page(const Request& request, const std::vector<std::string>& allowed_origins) {
    return is_same_origin(request) || origin_of(request, allowed_origins) == OriginKind::listed;
}

bool is_from_foreign_page(const Request& request, const std::vector<std::string>& allowed_origins) {
    const bool says = !request.header("Sec-Fetch-Site").empty() || !request.header("Origin").empty();
    return says && !is_from_good_page(request, allowed_origins);
}

bool changes_something(std::string_view method) {
    return method != "GET" && method != "HEAD";
}

}  // namespace windlass::api
