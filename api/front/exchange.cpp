#include "api/front/exchange.h"

#include "api/front/header_text.h"

namespace windlass::api {
std::string_view Request::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (equal_without_case(key, name)) return value;
    }
    return {};
}

// RFC 6265 section 5.4: "a=1; b=2", names compared exactly. HTTP/2 proxies may split one list over several headers.
std::string_view Request::cookie(std::string_view name) const {
    for (const auto& [key, list] : headers) {
        if (!equal_without_case(key, "Cookie")) continue;
        std::string_view rest = list;
        while (!rest.empty()) {
            const auto end = std::min(rest.find(';'), rest.size());
            const auto pair = rest.substr(0, end);
            rest.remove_prefix(std::min(end + 1, rest.size()));
            const auto equals = pair.find('=');
            if (equals != std::string_view::npos && trimmed(pair.substr(0, equals)) == name) {
                return trimmed(pair.substr(equals + 1));
            }
        }
    }
    return {};
}

}  // namespace windlass::api
