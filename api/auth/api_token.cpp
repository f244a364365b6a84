#include "api/auth/api_token.h"

#include <sodium.h>
#include <zlib.h>

#include <cstdint>

namespace windlass::api {
namespace {

constexpr std::string_view mark = "wl_";
constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t random_characters = 43;  // 62^43 > 2^256
constexpr std::size_t check_characters = 6;    // 62^6 > 2^32
constexpr std::size_t shown_characters = 8;

std::string check_of(std::string_view text) {
    auto sum = static_cast<std::uint32_t>(
        crc32(0, reinterpret_cast<const unsigned char*>(text.data()), static_cast<uInt>(text.size())));
    std::string check(check_characters, digits[0]);
    for (auto at = check.rbegin(); at != check.rend(); ++at, sum /= 62) *at = digits[sum % 62];
    return check;
}

}  // namespace

std::string make_api_token() {
    std::string token(mark);
    for (std::size_t i = 0; i < random_characters; ++i) token += digits[randombytes_uniform(digits.size())];
    return token + check_of(token);
}

bool may_be_api_token(std::string_view token) {
    if (!token.starts_with(mark)) return true;
    if (token.size() != mark.size() + random_characters + check_characters) return false;
    const auto body = token.substr(0, token.size() - check_characters);
    return token.substr(body.size()) == check_of(body);
}

std::string shown_prefix(std::string_view token) {
    return std::string(token.substr(0, shown_characters));
}

}  // namespace windlass::api
