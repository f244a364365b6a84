#include "api/front/websocket_handshake.h"

#include <gtest/gtest.h>

namespace windlass::api {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

Headers good() {
    return {{"Host", "jobs.example"},
            {"Upgrade", "websocket"},
            {"Connection", "Upgrade"},
            {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
            {"Sec-WebSocket-Version", "13"}};
}

Headers with(std::string_view name, std::string value) {
    auto out = good();
    for (auto& [key, old] : out) {
        if (key == name) old = value;
    }
    return out;
}

Headers without(std::string_view name) {
    auto out = good();
    std::erase_if(out, [&](const auto& header) { return header.first == name; });
    return out;
}

Headers and_also(std::string name, std::string value) {
    auto out = good();
    out.emplace_back(std::move(name), std::move(value));
    return out;
}

Handshake judged(Headers headers, std::vector<std::string> protocols = {}) {
    FramedRequest framed;
    framed.request.method = "GET";
    framed.request.headers = std::move(headers);
    framed.request.host = framed.request.header("Host");
    return judge_handshake(framed, protocols, {"https://lab.example"});
}

std::string header(const Handshake& handshake, std::string_view name) {
    for (const auto& [key, value] : handshake.headers) {
        if (key == name) return value;
    }
    return {};
}

TEST(WebSocketHandshake, answers_the_key_of_the_rfc_with_the_answer_of_the_rfc) {
    EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    const auto handshake = judged(good());
    EXPECT_EQ(handshake.status, 101);
    EXPECT_EQ(header(handshake, "Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    EXPECT_EQ(header(handshake, "Upgrade"), "websocket");
    EXPECT_EQ(header(handshake, "Connection"), "Upgrade");
}

TEST(WebSocketHandshake, is_judged_by_the_letter) {
    struct Row {
        std::string name;
        Headers headers;
        int status;
    };
    const std::vector<Row> rows = {
        {"words without case", with("Upgrade", "WebSocket"), 101},
        {"an Upgrade of several", with("Upgrade", "h2c, websocket"), 101},
        {"a Connection of several, as Firefox says it", with("Connection", "keep-alive, Upgrade"), 101},
        {"extensions, which are not taken", and_also("Sec-WebSocket-Extensions", "permessage-deflate"), 101},
        {"no Upgrade: an ordinary request", without("Upgrade"), 426},
        {"Upgrade to something else", with("Upgrade", "h2c"), 426},
        {"Upgrade that only contains the word", with("Upgrade", "websockets"), 426},
        {"no Connection", without("Connection"), 400},
        {"Connection without the word", with("Connection", "keep-alive"), 400},
        {"no version", without("Sec-WebSocket-Version"), 426},
        {"an old version", with("Sec-WebSocket-Version", "8"), 426},
        {"a future version", with("Sec-WebSocket-Version", "14"), 426},
        {"a version as no number", with("Sec-WebSocket-Version", "013"), 426},
        {"two versions", and_also("Sec-WebSocket-Version", "13"), 426},
        {"no key", without("Sec-WebSocket-Key"), 400},
        {"two keys", and_also("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), 400},
        {"an empty key", with("Sec-WebSocket-Key", ""), 400},
        {"a key of 15 bytes", with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j"), 400},
        {"a key of 17 bytes", with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQQ="), 400},
        {"a key that is no base64", with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j!!=="), 400},
        {"our own origin", and_also("Origin", "http://jobs.example"), 101},
        {"an origin of the list", and_also("Origin", "https://lab.example"), 101},
        {"another origin", and_also("Origin", "https://evil.example"), 403},
        {"a cookie and no origin", and_also("Cookie", "access_token=x"), 403},
    };
    for (const auto& row : rows) {
        const auto handshake = judged(row.headers);
        EXPECT_EQ(handshake.status, row.status) << row.name << ": " << handshake.detail;
        if (row.status == 426) {
            EXPECT_EQ(header(handshake, "Sec-WebSocket-Version"), "13") << row.name;
            EXPECT_EQ(header(handshake, "Upgrade"), "websocket") << row.name;
        }
    }
}

TEST(WebSocketHandshake, needs_get_of_http11_without_body) {
    FramedRequest framed;
    framed.request.method = "HEAD";
    framed.request.headers = good();
    EXPECT_EQ(judge_handshake(framed, {}, {}).status, 400);
    framed.request.method = "GET";
    framed.request.body = "x";
    EXPECT_EQ(judge_handshake(framed, {}, {}).status, 400);
    framed.request.body.clear();
    framed.http_1_0 = true;
    EXPECT_EQ(judge_handshake(framed, {}, {}).status, 426);
}

TEST(WebSocketHandshake, takes_the_first_protocol_of_the_client_that_is_spoken) {
    const auto protocol = [](const std::string& offered, std::vector<std::string> spoken) {
        const auto handshake = judged(and_also("Sec-WebSocket-Protocol", offered), std::move(spoken));
        EXPECT_EQ(handshake.status, 101);
        return header(handshake, "Sec-WebSocket-Protocol");
    };
    EXPECT_EQ(protocol("a, b", {"b", "a"}), "a");
    EXPECT_EQ(protocol("x,b", {"a", "b"}), "b");
    EXPECT_EQ(protocol("A", {"a"}), "");
    EXPECT_EQ(protocol("a", {}), "");
}

}  // namespace
}  // namespace windlass::api
