#include "api/front/origin.h"

#include <algorithm>
#include <optional>

#include "api/front/header_text.h"

namespace windlass::api {
namespace {

std::string_view without_default_port(std::string_view scheme, std::string_view host) {
    const std::string_view port = scheme == "https" ? ":443" : ":80";
    return host.ends_with(port) ? host.substr(0, host.size() - port.size()) : host;
}

struct Parts {
    std::string_view scheme;
    std::string_view host;  // with the port, if it is not the scheme's own
};

// nullopt: not http and not https, or nothing that has a host.
std::optional<Parts> split(std::string_view origin) {
    const auto colon = origin.find("://");
    if (colon == std::string_view::npos) return std::nullopt;
    const auto scheme = origin.substr(0, colon);
    const auto host = origin.substr(colon + 3);
    if ((scheme != "http" && scheme != "https") || host.empty()) return std::nullopt;
    return Parts{scheme, without_default_port(scheme, host)};
}

bool is_own(std::string_view origin, const Request& request) {
    const auto parts = split(origin);
    return parts && parts->scheme == request.scheme && !request.host.empty() &&
           equal_without_case(parts->host, without_default_port(parts->scheme, request.host));
}

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == ':' ||
           c == '[' || c == ']';
}

}  // namespace

OriginKind origin_of(const Request& request, const std::vector<std::string>& allow_list) {
    const std::string* origin = nullptr;
    for (const auto& [name, value] : request.headers) {
        if (!equal_without_case(name, "Origin")) continue;
        if (origin != nullptr) return OriginKind::foreign;
        origin = &value;
    }
    if (origin == nullptr) return OriginKind::absent;
    if (is_own(*origin, request)) return OriginKind::same;
    const bool listed = std::find(allow_list.begin(), allow_list.end(), *origin) != allow_list.end();
    return listed ? OriginKind::listed : OriginKind::foreign;
}

bool origin_allowed(const Request& request, const std::vector<std::string>& allow_list) {
    switch (origin_of(request, allow_list)) {
        case OriginKind::same:
        case OriginKind::listed:
            return true;
        case OriginKind::absent:
            return !request.header("Authorization").empty() || request.header("Cookie").empty();
        case OriginKind::foreign:
            return false;
    }
    return false;
}

Status check_origins(const std::vector<std::string>& allow_list) {
    for (const std::string& origin : allow_list) {
        const auto parts = split(origin);
        const bool whole = parts && parts->scheme.size() + 3 + parts->host.size() == origin.size();
        if (whole && std::all_of(parts->host.begin(), parts->host.end(), is_plain)) continue;
        return make_error(ErrorKind::invalid, "api.allowed_origins: '" + origin +
                                                  "' is no origin; write it as browsers do, scheme, host and the port "
                                                  "if it is not the usual one: https://lab.example or "
                                                  "http://127.0.0.1:8081");
    }
    return {};
}

}  // namespace windlass::api
