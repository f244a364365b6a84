// Pages of other sites as clients (the Fetch standard's CORS protocol): those in api.allowed_origins may read answers,
// with cookies if they have any; nobody else's browser is told that it may. Never "*", as every answer here may be
// somebody's own. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/front/exchange.h"

namespace windlass::api {

// What a browser asks before it sends a request of such a page. `allow`: the methods of the path ("GET, HEAD"), empty
// if there is none. nullopt: no such question, or none that gets a yes; the request is an ordinary one. The answer is
// whole with the headers that every answer gets.
std::optional<Response> answer_preflight(const Request& request, std::string_view allow,
                                         const std::vector<std::string>& allowed_origins);

// To every answer.
void add_cors_headers(Response& response, const Request& request, const std::vector<std::string>& allowed_origins);

}  // namespace windlass::api
