#include "api/courses/service_headers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "api/front/header_text.h"

namespace windlass::api {
namespace {

template <std::size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names) {
    return std::any_of(names.begin(), names.end(), [&](auto one) { return equal_without_case(one, name); });
}
bool begins_without_case(std::string_view text, std::string_view beginning) {
    return text.size() >= beginning.size() && equal_without_case(text.substr(0, beginning.size()), beginning);
}

// Of one connection (RFC 9110 section 7.6.1), and what we say ourselves.
constexpr std::array<std::string_view, 10> of_the_connection = {
    "Connection",        "Keep-Alive", "Proxy-Connection", "TE",     "Trailer",
    "Transfer-Encoding", "Upgrade",    "Content-Length",   "Expect", "Proxy-Authorization"};
constexpr std::array<std::string_view, 6> not_to_services = {"Authorization", "Cookie",    "Forwarded",
                                                             "Host",          "X-Real-IP", "Sec-WebSocket-Extensions"};
// What speaks for all of our address, or in our name.
constexpr std::array<std::string_view, 16> not_to_clients = {"Content-Security-Policy",
                                                             "Content-Security-Policy-Report-Only",
                                                             "Service-Worker-Allowed",
                                                             "Clear-Site-Data",
                                                             "Alt-Svc",
                                                             "Strict-Transport-Security",
                                                             "Public-Key-Pins",
                                                             "Expect-CT",
                                                             "NEL",
                                                             "Report-To",
                                                             "Reporting-Endpoints",
                                                             "WWW-Authenticate",
                                                             "Proxy-Authenticate",
                                                             "Set-Cookie2",
                                                             "X-Frame-Options",
                                                             "X-Content-Type-Options"};

// The names in Connection are of the connection too.
bool is_named_in_connection(const HeaderList& headers, std::string_view name) {
    for (const auto& [key, list] : headers) {
        if (!equal_without_case(key, "Connection")) continue;
        std::string_view rest = list;
        while (!rest.empty()) {
            const auto end = std::min(rest.find(','), rest.size());
            if (equal_without_case(trimmed(rest.substr(0, end)), name)) return true;
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
    return false;
}

std::string cookie_prefix(JobId job) {
    return fmt::format("service-{}-", job.value);
}

bool is_cookie_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

// Those of this deployment, under the names that its service gave them.
std::string cookies_of_service(const Request& request, JobId job) {
    const std::string prefix = cookie_prefix(job);
    std::string own;
    for (const auto& [key, list] : request.headers) {
        if (!equal_without_case(key, "Cookie")) continue;
        std::string_view rest = list;
        while (!rest.empty()) {
            const auto end = std::min(rest.find(';'), rest.size());
            const auto pair = trimmed(rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
            if (!pair.starts_with(prefix)) continue;
            if (!own.empty()) own += "; ";
            own += pair.substr(prefix.size());
        }
    }
    return own;
}

// Empty: it is not to be set.
std::string confined_cookie(std::string_view cookie, JobId job) {
    const auto first = cookie.substr(0, cookie.find(';'));
    const auto equals = first.find('=');
    if (equals == std::string_view::npos || !is_cookie_name(trimmed(first.substr(0, equals)))) return {};
    std::string out = cookie_prefix(job);
    out.append(trimmed(first.substr(0, equals))).append("=").append(trimmed(first.substr(equals + 1)));
    std::string_view rest = cookie.substr(std::min(first.size() + 1, cookie.size()));
    while (!rest.empty()) {
        const auto end = std::min(rest.find(';'), rest.size());
        const auto attribute = trimmed(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const auto name = trimmed(attribute.substr(0, attribute.find('=')));
        constexpr std::array<std::string_view, 5> kept = {"Expires", "Max-Age", "HttpOnly", "Secure", "SameSite"};
        if (is_one_of(name, kept)) out.append("; ").append(attribute);
    }
    return out + "; Path=" + service_prefix(job) + "/";
}

}  // namespace

std::string service_prefix(JobId job) {
    return "/v1/service/" + job.text();
}

std::string inner_target(std::string_view target, JobId job) {
    const std::string prefix = service_prefix(job);
    if (!target.starts_with(prefix)) return {};
    target.remove_prefix(prefix.size());
    if (target.empty() || target.front() == '?') return "/" + std::string(target);
    return target.front() == '/' ? std::string(target) : std::string();
}

std::string request_head(const Request& request, JobId job, std::string_view inner, std::string_view username,
                         std::string_view upgrade_key) {
    std::string head = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, inner,
                                   request.host.empty() ? "localhost" : request.host);
    for (const auto& [name, value] : request.headers) {
        if (is_one_of(name, of_the_connection) || is_one_of(name, not_to_services) ||
            begins_without_case(name, "X-Forwarded-") || is_named_in_connection(request.headers, name))
            continue;
        if (equal_without_case(name, "Sec-WebSocket-Key")) continue;
        head.append(name).append(": ").append(value).append("\r\n");
    }
    if (const auto cookies = cookies_of_service(request, job); !cookies.empty())
        head.append("Cookie: ").append(cookies).append("\r\n");
    head += fmt::format(
        "X-Forwarded-For: {}\r\nX-Forwarded-Proto: {}\r\nX-Forwarded-Host: {}\r\n"
        "X-Forwarded-Prefix: {}\r\n",
        request.remote_address, request.scheme, request.host, service_prefix(job));
    // A username may hold any letters, a header may not.
    if (std::all_of(username.begin(), username.end(), [](char c) { return c > 0x20 && c < 0x7f; }))
        head.append("X-Forwarded-User: ").append(username).append("\r\n");
    if (!upgrade_key.empty()) {
        head.append("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ").append(upgrade_key);
        return head.append("\r\n\r\n");
    }
    const bool has_body =
        !request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
    if (has_body) head += fmt::format("Content-Length: {}\r\n", request.body.size());
    return head.append("Connection: close\r\n\r\n");
}

HeaderList answer_headers(const HeaderList& from_service, JobId job) {
    HeaderList out;
    for (const auto& [name, value] : from_service) {
        if (is_one_of(name, of_the_connection) || is_one_of(name, not_to_clients) ||
            begins_without_case(name, "Access-Control-") || begins_without_case(name, "Sec-") ||
            is_named_in_connection(from_service, name))
            continue;
        if (equal_without_case(name, "Set-Cookie")) {
            if (auto cookie = confined_cookie(value, job); !cookie.empty()) out.emplace_back("Set-Cookie", cookie);
            continue;
        }
        // Within the service: "/lab" is its own.
        if (equal_without_case(name, "Location") && value.starts_with('/') && !value.starts_with("//")) {
            out.emplace_back("Location", service_prefix(job) + value);
            continue;
        }
        out.emplace_back(name, value);
    }
    out.emplace_back("Content-Security-Policy", std::string(content_policy));
    out.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
    out.emplace_back("Referrer-Policy", "same-origin");
    return out;
}

}  // namespace windlass::api
