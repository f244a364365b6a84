#include "cli/server_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace windlass::cli {
namespace {

Error bad(const std::string& text, const char* why) {
    return make_error(
        ErrorKind::invalid,
        fmt::format("\"{}\" is not the address of a server: {}. It looks like http://127.0.0.1:8080", text, why));
}

bool is_port(const std::string& digits) {
    return !digits.empty() && digits.size() <= 5 &&
           std::all_of(digits.begin(), digits.end(), [](unsigned char c) { return std::isdigit(c); }) &&
           std::stoi(digits) >= 1 && std::stoi(digits) <= 65535;
}

}  // namespace

Result<std::string> normal_url(const std::string& text) {
    std::string rest = text;
    std::string scheme = "http";
    if (const auto end = rest.find("://"); end != std::string::npos) {
        scheme = rest.substr(0, end);
        std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        if (scheme != "http" && scheme != "https") return bad(text, "only http and https are spoken");
        rest.erase(0, end + 3);
    }
    while (!rest.empty() && rest.back() == '/') rest.pop_back();
    if (rest.find('@') != std::string::npos)
        return bad(text, "a name or password does not belong in it (see windlass login)");
    if (rest.find_first_of("/?#") != std::string::npos) return bad(text, "nothing may follow the port");
    std::transform(rest.begin(), rest.end(), rest.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (rest.empty()) return bad(text, "the host is missing");
    const auto colon = rest.front() == '[' ? rest.find(':', rest.find(']')) : rest.find(':');
    const std::string host = rest.substr(0, colon);
    const auto stands_in_no_host = [](unsigned char c) { return c <= ' ' || c == 0x7F || c == '%'; };
    if (host.empty() || std::any_of(host.begin(), host.end(), stands_in_no_host))
        return bad(text, "the host is missing or malformed");
    if (colon != std::string::npos && !is_port(rest.substr(colon + 1))) return bad(text, "the port must be 1 to 65535");
    return fmt::format("{}://{}", scheme, rest);
}

}  // namespace windlass::cli
