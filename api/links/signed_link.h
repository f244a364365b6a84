// A link that opens one thing for whoever has it, until it expires: for a browser's download, a colleague, an <img>.
//
//   /api/results/7/files/plot.png?account=3&expires=1800000300&key=5f0a…&signature=BASE64URL
//
// The signature (HMAC-SHA256) covers the method GET and every byte of the target before it, so nothing can be added,
// left out, moved or changed; the account is the one that made the link, and the link opens no more than that account
// may see then. The key is one of the site's signing keys, put to this use alone by a derivation of its own.
//
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/ids.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

class SigningKeys;

inline constexpr Seconds shortest_link{300};
inline constexpr Seconds longest_link{7 * 24 * 3600};

// `target`: path, and query if it has one, as it will be asked for.
std::string signed_target(const SigningKeys& keys, std::string_view target, UserId account, WallTime expires);

// Whether a target says that it is signed; only then check_signed() is of use.
bool looks_signed(std::string_view target);
// The account whose eyes it opens; nullopt: altered, expired, or signed with a key that is no longer there.
std::optional<UserId> check_signed(const SigningKeys& keys, std::string_view target, WallTime now);

// Names of the query parameters that a signed target has beside its own.
bool is_link_parameter(std::string_view name);

}  // namespace windlass::api
