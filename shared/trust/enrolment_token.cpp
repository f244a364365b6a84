#include "shared/trust/enrolment_token.h"

#include <algorithm>
#include <cctype>

#include "shared/digest.h"

namespace windlass::trust {
namespace {

constexpr std::string_view prefix = "wle1.";
constexpr std::size_t secret_size = 43;
constexpr std::size_t fingerprint_size = 64;

bool is_base64url(unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_';
}
bool is_hex(unsigned char c) {
    return std::isdigit(c) != 0 || (c >= 'a' && c <= 'f');
}

}  // namespace

std::string EnrolmentToken::text() const {
    return std::string(prefix) + secret + '.' + authority;
}

EnrolmentToken make_enrolment_token(const std::string& authority_fingerprint) {
    return {random_token(), authority_fingerprint};
}

Result<EnrolmentToken> parse_enrolment_token(std::string_view text) {
    const Error wrong = make_error(ErrorKind::invalid,
                                   "this is no whole enrolment token; it is the one line that `windlass worker enrol "
                                   "NAME` prints, beginning with wle1.");
    if (!text.starts_with(prefix) || text.size() != prefix.size() + secret_size + 1 + fingerprint_size) return wrong;
    text.remove_prefix(prefix.size());
    EnrolmentToken token{std::string(text.substr(0, secret_size)), std::string(text.substr(secret_size + 1))};
    if (text[secret_size] != '.' || !std::ranges::all_of(token.secret, is_base64url) ||
        !std::ranges::all_of(token.authority, is_hex))
        return wrong;
    return token;
}

}  // namespace windlass::trust
