#include "shared/wire/addresses.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace windlass::wire {

bool Addresses::next() {
    current_ = (current_ + 1) % list_.size();
    return ++failed_ % list_.size() == 0;
}

bool Addresses::take(std::int64_t epoch) {
    if (!alone() && epoch < latest_) return false;
    latest_ = epoch;
    failed_ = 0;
    return true;
}

namespace {

constexpr std::string_view tls_prefix = "tls://";

Result<Endpoint> parse_tls(const std::string& text) {
    const Error wrong = make_error(ErrorKind::invalid, "\"" + text + "\" is not an address; write tls://HOST:PORT");
    const std::string where = text.substr(tls_prefix.size());
    const auto colon = where.rfind(':');
    if (colon == std::string::npos) return wrong;
    Endpoint endpoint;
    endpoint.tls = true;
    endpoint.host = where.substr(0, colon);
    if (endpoint.host.size() > 2 && endpoint.host.front() == '[' && endpoint.host.back() == ']')
        endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
    else if (endpoint.host.find(':') != std::string::npos)
        return wrong;
    const char* end = where.data() + where.size();
    const auto [used, failed] = std::from_chars(where.data() + colon + 1, end, endpoint.port);
    if (failed != std::errc() || used != end || endpoint.port < 1 || endpoint.port > 65535) return wrong;
    if (!trust::check_server_name(endpoint.host)) return wrong;
    return endpoint;
}

}  // namespace

Result<std::vector<Endpoint>> parse_addresses(const std::vector<std::string>& dial, const std::string& listen) {
    std::vector<Endpoint> list;
    for (const std::string& text : dial.empty() ? std::vector{listen} : dial) {
        WINDLASS_TRY(list.emplace_back(), text.starts_with(tls_prefix) ? parse_tls(text) : parse_endpoint(text));
    }
    return list;
}

}  // namespace windlass::wire
