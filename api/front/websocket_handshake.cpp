#include "api/front/websocket_handshake.h"

#include <openssl/evp.h>
#include <algorithm>
#include <array>

#include "api/front/header_text.h"
#include "api/front/origin.h"
#include "shared/result.h"

namespace windlass::api {
namespace {

// The elements of all headers of this name, as one list (RFC 9110 section 5.3).
std::vector<std::string_view> elements(const Request& request, std::string_view name) {
    std::vector<std::string_view> out;
    for (const auto& [key, value] : request.headers) {
        if (!equal_without_case(key, name)) continue;
        std::string_view rest = value;
        while (!rest.empty()) {
            const auto end = std::min(rest.find(','), rest.size());
            if (const auto one = trimmed(rest.substr(0, end)); !one.empty()) out.push_back(one);
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
    return out;
}

bool has_element(const Request& request, std::string_view name, std::string_view wanted) {
    const auto all = elements(request, name);
    return std::any_of(all.begin(), all.end(), [&](std::string_view one) { return equal_without_case(one, wanted); });
}

std::size_t count(const Request& request, std::string_view name) {
    const auto& headers = request.headers;
    return static_cast<std::size_t>(std::count_if(
        headers.begin(), headers.end(), [&](const auto& header) { return equal_without_case(header.first, name); }));
}

// 16 bytes in base64: 22 characters that carry them, two that fill up.
bool is_key(std::string_view key) {
    return key.size() == 24 && key.ends_with("==") && std::all_of(key.begin(), key.end() - 2, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
                      c == '/';
           });
}

Handshake upgrade_required(std::string detail) {
    return {426, std::move(detail), {{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}}};
}

}  // namespace

std::string websocket_accept(std::string_view key) {
    std::string text(key);
    text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // section 1.3
    std::array<unsigned char, 20> digest{};
    unsigned size = 0;
    const int hashed = ::EVP_Digest(text.data(), text.size(), digest.data(), &size, ::EVP_sha1(), nullptr);
    WINDLASS_CHECK(hashed == 1 && size == digest.size(), "OpenSSL does not know SHA-1");
    std::array<unsigned char, 29> encoded{};
    const int length = ::EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(digest.size()));
    return {reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(length)};
}

Handshake judge_handshake(const FramedRequest& framed, const std::vector<std::string>& protocols,
                          const std::vector<std::string>& allowed_origins) {
    const Request& request = framed.request;
    if (framed.http_1_0 || !has_element(request, "Upgrade", "websocket"))
        return upgrade_required("This path is a WebSocket: ask for it with Upgrade: websocket, in HTTP/1.1.");
    if (request.method != "GET") return {400, "A WebSocket begins with the method GET.", {}};
    if (!has_element(request, "Connection", "Upgrade"))
        return {400, "The start of a WebSocket needs the header Connection: Upgrade.", {}};
    if (!request.body.empty()) return {400, "The start of a WebSocket has no body.", {}};
    if (count(request, "Sec-WebSocket-Version") != 1 || request.header("Sec-WebSocket-Version") != "13")
        return upgrade_required("The version of WebSocket spoken here is 13: Sec-WebSocket-Version: 13.");
    const auto key = request.header("Sec-WebSocket-Key");
    if (count(request, "Sec-WebSocket-Key") != 1 || !is_key(key))
        return {400, "Sec-WebSocket-Key must be 16 bytes in base64, once.", {}};
    if (!origin_allowed(request, allowed_origins))
        return {403,
                "A page of this origin may not open a WebSocket here; the operator can allow it with "
                "api.allowed_origins. (Other programs send the token in the header Authorization.)",
                {}};
    Handshake accepted;
    accepted.headers = {
        {"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", websocket_accept(key)}};
    for (const auto offered : elements(request, "Sec-WebSocket-Protocol")) {
        const auto known = std::find(protocols.begin(), protocols.end(), offered);  // compared exactly
        if (known == protocols.end()) continue;
        accepted.headers.emplace_back("Sec-WebSocket-Protocol", *known);
        break;
    }
    return accepted;
}

}  // namespace windlass::api
