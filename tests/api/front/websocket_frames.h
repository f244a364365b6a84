// Frames of RFC 6455 as a client writes them, right and wrong, and as a client reads them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace windlass::api::test {

struct FrameShape {
    bool fin = true;
    unsigned reserved = 0;  // 4: RSV1, 2: RSV2, 1: RSV3
    bool masked = true;
    int length_bytes = 0;  // of the length after the first 7 bits: 0, 2 or 8; -1: as short as can be
    std::optional<std::uint64_t> declared = {};  // instead of the size of the payload
};

inline std::string frame(unsigned opcode, std::string_view payload = {}, FrameShape shape = {.length_bytes = -1}) {
    std::string out;
    const std::uint64_t length = shape.declared.value_or(payload.size());
    int more = shape.length_bytes;
    if (more < 0) more = length < 126 ? 0 : length < 65536 ? 2 : 8;
    out += static_cast<char>((shape.fin ? 0x80U : 0U) | shape.reserved << 4U | opcode);
    const unsigned mask_bit = shape.masked ? 0x80U : 0U;
    out += static_cast<char>(mask_bit | (more == 0 ? static_cast<unsigned>(length) : more == 2 ? 126U : 127U));
    for (int i = more - 1; i >= 0; --i) out += static_cast<char>(length >> (8U * static_cast<unsigned>(i)));
    if (!shape.masked) return out.append(payload);
    constexpr std::string_view key("\x37\xfa\x21\x3d", 4);
    out += key;
    for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ key[i % 4]);
    return out;
}

inline std::string part(unsigned opcode, std::string_view payload, bool fin) {
    return frame(opcode, payload, {.fin = fin, .length_bytes = -1});
}
inline std::string text(std::string_view payload) {
    return frame(1, payload);
}
inline std::string binary(std::string_view payload) {
    return frame(2, payload);
}
inline std::string ping(std::string_view payload = {}) {
    return frame(9, payload);
}
inline std::string pong(std::string_view payload = {}) {
    return frame(10, payload);
}
inline std::string close_payload(unsigned code, std::string_view reason = {}) {
    return std::string{static_cast<char>(code >> 8U), static_cast<char>(code)}.append(reason);
}
inline std::string close_frame(unsigned code, std::string_view reason = {}) {
    return frame(8, close_payload(code, reason));
}

struct ServerFrame {
    unsigned opcode = 0;
    std::string payload;

    // 0: it has none.
    unsigned close_code() const {
        if (payload.size() < 2) return 0;
        return static_cast<unsigned char>(payload[0]) * 256U + static_cast<unsigned char>(payload[1]);
    }
    std::string close_reason() const { return payload.size() < 2 ? std::string() : payload.substr(2); }
};

// Takes one whole frame away from the front of `bytes`; nullopt: it is not whole, or none that a server may send.
inline std::optional<ServerFrame> take_frame(std::string& bytes) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
    if (bytes.size() < 2 || (byte(0) & 0xF0U) != 0x80U || byte(1) > 127) return std::nullopt;
    std::size_t head = 2;
    std::uint64_t length = byte(1);
    if (length >= 126) {
        const std::size_t more = length == 126 ? 2 : 8;
        if (bytes.size() < 2 + more) return std::nullopt;
        length = 0;
        for (std::size_t i = 0; i < more; ++i) length = length * 256 + byte(2 + i);
        head += more;
    }
    if (bytes.size() - head < length) return std::nullopt;
    ServerFrame out{byte(0) & 0xFU, bytes.substr(head, length)};
    bytes.erase(0, head + length);
    return out;
}

}  // namespace windlass::api::test
