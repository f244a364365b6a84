// Where a request may carry a credential, and whether a page of ours sent it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/front/exchange.h"

namespace windlass::api {

struct PresentedCredential {
    enum class Place { none, header, cookie };
    Place place = Place::none;
    std::string_view token;       // empty with a place: something was presented that cannot be a token
    std::string_view refresh;     // cookie refresh_token, where the cookies access_token and refresh_token decide
    bool scripts_cookie = false;  // it was the cookie Authorization: no browser has one from us that opens anything
};
// The first one present decides: header Authorization; cookie Authorization, unless it holds the readable claims, which
// are no credential; cookies access_token and refresh_token. Views into the request.
PresentedCredential presented_credential(const Request& request);

// A request that changes something and proves itself by a cookie must come from our own pages: the browser says so in
// Sec-Fetch-Site or Origin. (Header credentials are never sent by a browser on its own.)
bool is_same_origin(const Request& request);
// The same, or a page of a site in `allowed_origins` (front/origin.h).
bool is_from_good_page(const Request& request, const std::vector<std::string>& allowed_origins);
// A browser says that a page of somebody else sent it. Programs say nothing.
bool is_from_foreign_page(const Request& request, const std::vector<std::string>& allowed_origins);
bool changes_something(std::string_view method);

}  // namespace windlass::api
