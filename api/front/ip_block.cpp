#include "api/front/ip_block.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace windlass::api {
namespace {

constexpr std::array<std::uint8_t, 12> v4_mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr int v4_offset_bits = 96;

std::uint8_t mask_of(int bits) {
    return static_cast<std::uint8_t>(0xff00U >> std::clamp(bits, 0, 8));
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    std::array<char, INET6_ADDRSTRLEN + 1> terminated{};
    if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) return std::nullopt;
    std::memcpy(terminated.data(), text.data(), text.size());
    IpAddress out;
    if (text.find(':') != std::string_view::npos) {
        return ::inet_pton(AF_INET6, terminated.data(), out.bytes.data()) == 1 ? std::optional(out) : std::nullopt;
    }
    std::copy(v4_mapped.begin(), v4_mapped.end(), out.bytes.begin());
    return ::inet_pton(AF_INET, terminated.data(), out.bytes.data() + v4_mapped.size()) == 1 ? std::optional(out)
                                                                                             : std::nullopt;
}

IpAddress IpAddress::of_v4(std::uint32_t host_order) {
    IpAddress out;
    std::copy(v4_mapped.begin(), v4_mapped.end(), out.bytes.begin());
    for (std::size_t i = 0; i < 4; ++i) out.bytes[12 + i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
    return out;
}

bool IpAddress::is_v4() const {
    return std::equal(v4_mapped.begin(), v4_mapped.end(), bytes.begin());
}

std::string IpAddress::text() const {
    std::array<char, INET6_ADDRSTRLEN> out{};
    if (is_v4()) {
        ::inet_ntop(AF_INET, bytes.data() + v4_mapped.size(), out.data(), out.size());
    } else {
        ::inet_ntop(AF_INET6, bytes.data(), out.data(), out.size());
    }
    return out.data();
}

Result<IpBlock> IpBlock::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) {
        return make_error(ErrorKind::invalid,
                          fmt::format("\"{}\" is no IP address and no block like 10.0.0.0/8 or 2001:db8::/32", text));
    }
    IpBlock out{*address, 128};
    if (slash == std::string_view::npos) return out;
    const auto digits = text.substr(slash + 1);
    const auto* end = digits.data() + digits.size();
    const bool v4 = text.substr(0, slash).find(':') == std::string_view::npos;
    const int longest = v4 ? 32 : 128;
    int length = -1;
    const auto parsed = std::from_chars(digits.data(), end, length);
    if (parsed.ec != std::errc{} || parsed.ptr != end || length < 0 || length > longest) {
        return make_error(ErrorKind::invalid,
                          fmt::format("\"{}\": the length of the block must be 0 to {}", text, longest));
    }
    out.prefix = length + (v4 ? v4_offset_bits : 0);
    for (int i = 0; i < 16; ++i) {
        const auto index = static_cast<std::size_t>(i);
        out.first.bytes[index] = static_cast<std::uint8_t>(out.first.bytes[index] & mask_of(out.prefix - 8 * i));
    }
    if (out.first != *address) {
        return make_error(ErrorKind::invalid,
                          fmt::format("\"{}\" begins inside its block; write {}/{}", text, out.first.text(), length));
    }
    return out;
}

bool IpBlock::contains(const IpAddress& address) const {
    for (int i = 0; 8 * i < prefix; ++i) {
        const auto index = static_cast<std::size_t>(i);
        if (((address.bytes[index] ^ first.bytes[index]) & mask_of(prefix - 8 * i)) != 0) return false;
    }
    return true;
}

}  // namespace windlass::api
