#include "api/cors.h"

#include "api/front/origin.h"

namespace windlass::api {
namespace {

// Request headers that mean something here, beyond those that need no permission.
constexpr std::string_view request_headers =
    "Accept, Authorization, Content-Range, Content-Type, Idempotency-Key, If-Match, If-None-Match, If-Range, "
    "Last-Event-ID, Range";
// Headers of answers that a page may see, beyond those that it always may.
constexpr std::string_view response_headers =
    "Accept-Ranges, Content-Range, ETag, Idempotency-Replayed, Link, Location, RateLimit-Limit, RateLimit-Remaining, "
    "RateLimit-Reset, Retry-After, WWW-Authenticate, X-Request-Id";
// How long a browser need not ask again; one that asks too often costs little, one that remembers too long is wrong.
constexpr std::string_view remember_s = "600";

bool is_listed(const Request& request, const std::vector<std::string>& allowed_origins) {
    return !allowed_origins.empty() && origin_of(request, allowed_origins) == OriginKind::listed;
}

}  // namespace

std::optional<Response> answer_preflight(const Request& request, std::string_view allow,
                                         const std::vector<std::string>& allowed_origins) {
    const bool asked = request.method == "OPTIONS" && !request.header("Access-Control-Request-Method").empty();
    if (!asked || allow.empty() || !is_listed(request, allowed_origins)) return std::nullopt;
    Response response;
    response.status = 204;
    response.headers.emplace_back("Access-Control-Allow-Methods", std::string(allow));
    response.headers.emplace_back("Access-Control-Allow-Headers", std::string(request_headers));
    response.headers.emplace_back("Access-Control-Max-Age", std::string(remember_s));
    return response;
}

void add_cors_headers(Response& response, const Request& request, const std::vector<std::string>& allowed_origins) {
    if (allowed_origins.empty()) return;
    response.headers.emplace_back("Vary", "Origin");
    if (!is_listed(request, allowed_origins)) return;
    response.headers.emplace_back("Access-Control-Allow-Origin", std::string(request.header("Origin")));
    response.headers.emplace_back("Access-Control-Allow-Credentials", "true");
    response.headers.emplace_back("Access-Control-Expose-Headers", std::string(response_headers));
}

}  // namespace windlass::api
