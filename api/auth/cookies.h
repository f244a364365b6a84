// The cookies of a session. The two that carry a credential are closed to scripts; the third is for scripts and is no
// credential (jwt.h: make_readable_claims).
//
//   access_token    the access token; ends with it, and is renewed by
//   refresh_token   opaque; ends with the session
//   Authorization   "Bearer <header>.<claims>."; name and roles, for the monitoring front end; ends with the session
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/front/exchange.h"
#include "shared/time.h"

namespace windlass::api {

using Cookies = std::vector<std::string>;  // values of Set-Cookie

// Whether the client came by TLS. Its cookies are for TLS alone then.
bool request_is_secure(const Request& request);

std::string access_cookie(std::string_view token, Seconds lifetime, bool secure);
std::string refresh_cookie(std::string_view token, Seconds lifetime, bool secure);
std::string claims_cookie(std::string_view claims, Seconds lifetime, bool secure);
Cookies cleared_cookies(bool secure);

void add_cookies(Response& response, const Cookies& cookies);
bool sets_cookies(const Response& response);

}  // namespace windlass::api
