#include "api/front/forwarded.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "api/front/header_text.h"

namespace windlass::api {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

// All lines of one header are one list (RFC 9110 section 5.3).
std::string joined(const Headers& headers, std::string_view name) {
    std::string out;
    for (const auto& [key, value] : headers) {
        if (!equal_without_case(key, name)) continue;
        if (!out.empty()) out += ',';
        out += value;
    }
    return out;
}

// Where the quoted string that ends at `end` begins; npos: nowhere.
std::size_t begin_of_quoted(std::string_view text, std::size_t end) {
    for (std::size_t at = end; at-- > 0;) {
        if (text[at] != '"') continue;
        std::size_t backslashes = 0;
        while (backslashes < at && text[at - 1 - backslashes] == '\\') ++backslashes;
        if (backslashes % 2 == 0) return at;
    }
    return std::string_view::npos;
}

// Takes the last element off a list. Found from the end: what a client wrote at its beginning, an open quote for
// instance, cannot hide what a proxy appended.
std::string_view take_last(std::string_view& list) {
    for (std::size_t at = list.size(); at-- > 0;) {
        if (list[at] == '"') {
            at = begin_of_quoted(list, at);
            if (at == std::string_view::npos) break;
        } else if (list[at] == ',') {
            const auto out = list.substr(at + 1);
            list = list.substr(0, at);
            return trimmed(out);
        }
    }
    return trimmed(std::exchange(list, {}));
}

bool is_port(std::string_view text) {
    unsigned port = 0;
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, port);
    return parsed.ec == std::errc{} && parsed.ptr == end && port <= 65535;
}

// "192.0.2.7", "192.0.2.7:4711", "[2001:db8::1]", "[2001:db8::1]:4711", and "2001:db8::1", which proxies write though
// RFC 7239 does not know it.
std::optional<IpAddress> parse_node(std::string_view text) {
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        const auto rest = text.substr(close + 1);
        const auto inside = text.substr(1, close - 1);
        if (inside.find(':') == std::string_view::npos) return std::nullopt;
        if (!rest.empty() && (rest.front() != ':' || !is_port(rest.substr(1)))) return std::nullopt;
        return IpAddress::parse(inside);
    }
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos) {
        return IpAddress::parse(text);
    }
    return is_port(text.substr(colon + 1)) ? IpAddress::parse(text.substr(0, colon)) : std::nullopt;
}

std::optional<bool> parse_proto(std::string_view text) {
    if (equal_without_case(text, "https")) return true;
    if (equal_without_case(text, "http")) return false;
    return std::nullopt;
}

bool is_host(std::string_view text) {
    constexpr std::size_t longest = 255 + 6;  // a name and a port
    return !text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == '_' || c == ':' || c == '[' || c == ']';
    });
}

struct Element {
    std::string node;
    std::string proto;
    std::string host;
};

// A value of RFC 7239: token or quoted string. Takes it off the front; false: it is neither.
bool take_value(std::string_view& text, std::string& out) {
    out.clear();
    if (!text.starts_with('"')) {
        const auto end = std::min(text.find(';'), text.size());
        out = trimmed(text.substr(0, end));
        text.remove_prefix(end);
        return !out.empty() && out.find('"') == std::string::npos;
    }
    for (std::size_t at = 1; at < text.size(); ++at) {
        if (text[at] == '"') {
            text.remove_prefix(at + 1);
            return true;
        }
        if (text[at] == '\\' && ++at == text.size()) return false;
        out += text[at];
    }
    return false;
}

// for=192.0.2.7;proto=https;host="example.org"; others are skipped, one that comes twice is a mistake.
std::optional<Element> parse_element(std::string_view text) {
    Element out;
    std::string value;
    while (!text.empty()) {
        const auto equals = text.find('=');
        if (equals == std::string_view::npos) return std::nullopt;
        const auto name = trimmed(text.substr(0, equals));
        text.remove_prefix(equals + 1);
        if (!take_value(text, value)) return std::nullopt;
        auto* field = equal_without_case(name, "for")     ? &out.node
                      : equal_without_case(name, "proto") ? &out.proto
                      : equal_without_case(name, "host")  ? &out.host
                                                          : nullptr;
        if (field != nullptr && !std::exchange(*field, value).empty()) return std::nullopt;
        text = trimmed(text);
        if (text.empty()) break;
        if (text.front() != ';') return std::nullopt;
        text = trimmed(text.substr(1));
    }
    return out;
}

void believe(ClientView& view, std::string_view proto, std::string_view host) {
    if (const auto secure = parse_proto(proto)) view.secure = *secure;
    if (is_host(host)) view.host = host;
}

ClientView read_forwarded(const TrustedProxies& proxies, ClientView view, const Headers& headers) {
    const auto all = joined(headers, "Forwarded");
    std::string_view list = all;
    while (!list.empty() && proxies.trusts(view.address)) {
        const auto element = parse_element(take_last(list));
        if (!element) break;
        believe(view, element->proto, element->host);
        const auto node = parse_node(element->node);
        if (!node) break;
        view.address = node->text();
    }
    return view;
}

// The entry that the same proxy wrote as it appended number `steps` from the end of X-Forwarded-For. A proxy that
// replaces the header instead leaves one entry.
std::string from_end(const Headers& headers, std::string_view name, int steps) {
    const auto all = joined(headers, name);
    std::string_view list = all;
    std::string_view out = take_last(list);
    while (--steps > 0 && !list.empty()) out = take_last(list);
    return std::string(out);
}

ClientView read_x_forwarded(const TrustedProxies& proxies, ClientView view, const Headers& headers) {
    const auto all = joined(headers, "X-Forwarded-For");
    std::string_view list = all;
    int steps = 0;
    while (!list.empty() && proxies.trusts(view.address)) {
        const auto node = parse_node(take_last(list));
        if (!node) break;
        view.address = node->text();
        ++steps;
    }
    believe(view, from_end(headers, "X-Forwarded-Proto", steps), from_end(headers, "X-Forwarded-Host", steps));
    return view;
}

}  // namespace

Result<TrustedProxies> TrustedProxies::parse(const std::vector<std::string>& proxies, std::string_view headers) {
    TrustedProxies out;
    if (headers != "x-forwarded" && headers != "forwarded") {
        return make_error(ErrorKind::invalid,
                          "api.trusted_proxy_headers must be x-forwarded or forwarded, whichever the proxies write");
    }
    out.headers_ = headers == "forwarded" ? Headers::forwarded : Headers::x_forwarded;
    for (const auto& proxy : proxies) {
        if (proxy == "unix") {
            out.unix_ = true;
            continue;
        }
        auto block = IpBlock::parse(proxy);
        if (!block) return std::move(block).error().in("api.trusted_proxies");
        out.blocks_.push_back(std::move(block).value());
    }
    return out;
}

bool TrustedProxies::trusts(const std::string& address) const {
    if (address == "unix") return unix_;
    const auto parsed = IpAddress::parse(address);
    return parsed && trusts(*parsed);
}

bool TrustedProxies::trusts(const IpAddress& address) const {
    return std::any_of(blocks_.begin(), blocks_.end(), [&](const IpBlock& block) { return block.contains(address); });
}

ClientView client_behind(const TrustedProxies& proxies, ClientView from_socket, const Headers& headers) {
    if (!proxies.trusts(from_socket.address)) return from_socket;
    return proxies.headers() == TrustedProxies::Headers::forwarded
               ? read_forwarded(proxies, std::move(from_socket), headers)
               : read_x_forwarded(proxies, std::move(from_socket), headers);
}

}  // namespace windlass::api
