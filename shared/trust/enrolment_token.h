// The one-time token with which a worker gets its first certificate: a secret, and the fingerprint of the site's
// authority, so that the worker knows the right site before it says the secret to anybody.
//
//   wle1.SECRET.FINGERPRINT     43 characters base64url (256 random bits), 64 hex digits
#pragma once

#include <string>
#include <string_view>

#include "shared/result.h"
#include "shared/time.h"

namespace windlass::trust {

inline constexpr Seconds enrolment_token_lifetime{15 * 60};

struct EnrolmentToken {
    std::string secret;
    std::string authority;  // its fingerprint

    std::string text() const;
};
EnrolmentToken make_enrolment_token(const std::string& authority_fingerprint);
// invalid: not a whole token. Says nothing of its text.
Result<EnrolmentToken> parse_enrolment_token(std::string_view text);

}  // namespace windlass::trust
