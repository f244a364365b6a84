// IP addresses of both versions and blocks of them. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/result.h"

namespace windlass::api {

// IPv4 is kept as the IPv6 address it maps to (::ffff:192.0.2.7), so that both ways of writing it are one address.
struct IpAddress {
    std::array<std::uint8_t, 16> bytes{};

    // "192.0.2.7", "2001:db8::1", "::ffff:192.0.2.7"; nothing else: no port, no brackets, no zone.
    static std::optional<IpAddress> parse(std::string_view text);
    static IpAddress of_v4(std::uint32_t host_order);
    bool is_v4() const;
    // The usual form of its version.
    std::string text() const;
    friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

struct IpBlock {
    IpAddress first;
    int prefix = 128;  // bits of `first`, also for IPv4

    // "192.0.2.7", "10.0.0.0/8", "2001:db8::/32". invalid: a sentence.
    static Result<IpBlock> parse(std::string_view text);
    bool contains(const IpAddress& address) const;
};

}  // namespace windlass::api
