// The access token of a session: a JWT (RFC 7519), signed with HMAC-SHA-256 and nothing else. There is no choice of
// algorithm anywhere: the header must be, byte for byte, the one that belongs to a live key, so that what an attacker
// writes there (none, another algorithm, a key of his own, a path as kid) is never even read.
//
// The token only names a session. Whether that is still open, and what its account may, the tables say.
#pragma once

#include <string>
#include <string_view>

#include "api/auth/signing_keys.h"
#include "api/principal.h"
#include "shared/time.h"

namespace windlass::api {

inline constexpr std::string_view jwt_issuer = "windlass";
inline constexpr std::string_view jwt_audience = "windlass-api";
inline constexpr Seconds jwt_leeway{60};  // that clocks of two machines may differ
inline constexpr std::size_t longest_jwt = 4096;

struct AccessClaims {
    UserId account;
    std::string session;
    WallTime issued;   // whole seconds
    WallTime expires;  // whole seconds
};

std::string make_access_token(const SigningKey& key, const AccessClaims& claims);
// Whatever the claims say: for tests of the reader.
std::string sign_access_token(const SigningKey& key, std::string_view claims);

struct AccessToken {
    enum class State { good, expired, invalid };  // expired: all else about it is good
    State state = State::invalid;
    AccessClaims claims;  // of one that is not invalid
};
AccessToken read_access_token(const SigningKeys& keys, std::string_view token, WallTime now);

// "a.b.c"; API tokens have no dots.
bool looks_like_jwt(std::string_view token);

// For scripts of a web page, which cannot see the credential: the form of a JWT with nothing behind the last dot.
// Claims: Username, Roles (as the monitoring front end reads them), iss, exp.
std::string make_readable_claims(std::string_view username, Roles roles, WallTime expires);
bool is_readable_claims(std::string_view token);

}  // namespace windlass::api
