// What a client of a WebSocket does, over a Client of any kind.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/api/front/test_front.h"
#include "tests/api/front/websocket_frames.h"

namespace windlass::api::test {

inline std::string handshake(std::string_view path, std::string_view more_headers = {}) {
    return std::string("GET ").append(path).append(
               " HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n") +
           std::string(more_headers) + "\r\n";
}

inline ClientAnswer open_websocket(Client& client, std::string_view path = "/") {
    client.send(handshake(path));
    auto answer = client.read_answer(true);
    EXPECT_EQ(answer.status, 101);
    EXPECT_EQ(answer.header("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    return answer;
}

// The next frame; opcode 16: the connection has ended.
inline ServerFrame read_frame(Client& client) {
    std::string bytes = client.read_bytes(2);
    if (bytes.size() < 2) return {16, {}};
    const auto length = static_cast<unsigned char>(bytes[1]) & 0x7FU;
    std::size_t size = length;
    if (length >= 126) {
        const auto more = client.read_bytes(length == 126 ? 2 : 8);
        bytes += more;
        size = 0;
        for (const char c : more) size = size * 256 + static_cast<unsigned char>(c);
    }
    bytes += client.read_bytes(size);
    return take_frame(bytes).value_or(ServerFrame{16, {}});
}

// Answers pings on the way.
inline std::string read_text(Client& client) {
    while (true) {
        const auto got = read_frame(client);
        if (got.opcode == 9) {
            client.send(pong(got.payload));
        } else {
            return got.opcode == 1 ? got.payload : "<opcode " + std::to_string(got.opcode) + ">";
        }
    }
}

// The code of the close that comes next, answered; 0: the connection ended without one.
inline unsigned read_close(Client& client) {
    while (true) {
        const auto got = read_frame(client);
        if (got.opcode == 16) return 0;
        if (got.opcode != 8) continue;
        client.send(close_frame(got.close_code()));
        return got.close_code();
    }
}

}  // namespace windlass::api::test
