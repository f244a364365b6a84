#include "api/links/signed_link.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

#include "api/auth/base64url.h"
#include "api/auth/signing_keys.h"
#include "shared/digest.h"

namespace windlass::api {
namespace {

using Mac = std::array<unsigned char, crypto_auth_hmacsha256_BYTES>;

constexpr std::string_view purpose = "windlass signed link v1";
constexpr std::string_view signature_parameter = "&signature=";
constexpr std::array<std::string_view, 4> parameters = {"account", "expires", "key", "signature"};

std::string_view text_of(const Mac& mac) {
    return {reinterpret_cast<const char*>(mac.data()), mac.size()};
}

Mac mac_of(const unsigned char* key, std::string_view text) {
    Mac mac;
    crypto_auth_hmacsha256(mac.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size(), key);
    return mac;
}

// The site's key signs sessions too; a signature of one kind must never pass for the other.
struct LinkKey {
    Mac key;
    std::string id;

    explicit LinkKey(const SigningKey& site)
        : key(mac_of(site.bytes.data(), purpose)), id(sha256_hex(text_of(key)).substr(0, 8)) {}

    std::string sign(std::string_view target) const {
        return to_base64url(text_of(mac_of(key.data(), fmt::format("GET\n{}", target))));
    }
};

// The value of "&name=" in a query that we wrote ourselves.
std::string_view value_of(std::string_view target, std::string_view name) {
    const auto begin = target.rfind(fmt::format("{}=", name));
    if (begin == std::string_view::npos || begin == 0 || (target[begin - 1] != '&' && target[begin - 1] != '?'))
        return {};
    const auto value = target.substr(begin + name.size() + 1);
    return value.substr(0, value.find('&'));
}

std::optional<std::int64_t> number(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || failed != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

}  // namespace

std::string signed_target(const SigningKeys& keys, std::string_view target, UserId account, WallTime expires) {
    const LinkKey key(keys.first());
    const std::string open =
        fmt::format("{}{}account={}&expires={}&key={}", target, target.find('?') == std::string_view::npos ? '?' : '&',
                    account.value, to_unix_us(expires) / 1'000'000, key.id);
    return fmt::format("{}{}{}", open, signature_parameter, key.sign(open));
}

bool looks_signed(std::string_view target) {
    return target.find(signature_parameter) != std::string_view::npos;
}

std::optional<UserId> check_signed(const SigningKeys& keys, std::string_view target, WallTime now) {
    const auto border = target.rfind(signature_parameter);
    if (border == std::string_view::npos) return std::nullopt;
    const auto open = target.substr(0, border);
    const auto signature = target.substr(border + signature_parameter.size());
    const auto id = value_of(open, "key");
    bool good = false;
    for (const auto& site : keys.all()) {
        const LinkKey key(site);
        if (key.id == id) good = good || equal_secret(key.sign(open), signature);
    }
    if (!good) return std::nullopt;
    const auto expires = number(value_of(open, "expires"));
    const auto account = number(value_of(open, "account"));
    if (!expires || !account || *expires <= to_unix_us(now) / 1'000'000) return std::nullopt;
    return UserId{*account};
}

bool is_link_parameter(std::string_view name) {
    return std::find(parameters.begin(), parameters.end(), name) != parameters.end();
}

}  // namespace windlass::api
