#include "api/auth/cookies.h"

#include <fmt/format.h>

#include <algorithm>

namespace windlass::api {
namespace {

constexpr std::string_view set_cookie = "Set-Cookie";

std::string cookie(std::string_view name, std::string_view value, Seconds lifetime, bool for_scripts, bool secure) {
    return fmt::format("{}={}; Path=/; Max-Age={}{}; SameSite=Lax{}", name, value, lifetime.count(),
                       for_scripts ? "" : "; HttpOnly", secure ? "; Secure" : "");
}

}  // namespace

bool request_is_secure(const Request& request) {
    return request.secure;
}

std::string access_cookie(std::string_view token, Seconds lifetime, bool secure) {
    return cookie("access_token", token, lifetime, false, secure);
}

std::string refresh_cookie(std::string_view token, Seconds lifetime, bool secure) {
    return cookie("refresh_token", token, lifetime, false, secure);
}

std::string claims_cookie(std::string_view claims, Seconds lifetime, bool secure) {
    return cookie("Authorization", fmt::format("\"Bearer {}\"", claims), lifetime, true, secure);
}

Cookies cleared_cookies(bool secure) {
    return {cookie("access_token", "", Seconds{0}, false, secure),
            cookie("refresh_token", "", Seconds{0}, false, secure),
            cookie("Authorization", "", Seconds{0}, true, secure)};
}

void add_cookies(Response& response, const Cookies& cookies) {
    for (const auto& value : cookies) response.headers.emplace_back(set_cookie, value);
}

bool sets_cookies(const Response& response) {
    return std::any_of(response.headers.begin(), response.headers.end(),
                       [](const auto& header) { return header.first == set_cookie; });
}

}  // namespace windlass::api
