#include "shared/database/hex.h"

#include "shared/result.h"

namespace windlass::database {
namespace {

unsigned digit_value(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    WINDLASS_CHECK(c >= 'a' && c <= 'f', "a bytea is not written in lower case hexadecimal digits");
    return static_cast<unsigned>(c - 'a') + 10;
}

}  // namespace

void append_hex(std::string& out, std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    const std::size_t start = out.size();
    out.resize(start + 2 * bytes.size());
    char* at = out.data() + start;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        *at++ = digits[byte >> 4];
        *at++ = digits[byte & 15];
    }
}

std::string bytea_text(std::string_view bytes) {
    std::string text = "\\x";
    append_hex(text, bytes);
    return text;
}

std::string bytes_of_bytea(std::string_view text) {
    WINDLASS_CHECK(text.starts_with("\\x") && text.size() % 2 == 0, "bytes were asked of a column that is not a bytea");
    std::string bytes((text.size() - 2) / 2, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const unsigned byte = digit_value(text[2 + 2 * i]) << 4 | digit_value(text[3 + 2 * i]);
        bytes[i] = static_cast<char>(static_cast<unsigned char>(byte));
    }
    return bytes;
}

}  // namespace windlass::database
