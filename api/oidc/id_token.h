// Checks an id_token of OpenID Connect (Core 1.0 section 3.1.3.7): that the provider signed it, for us, for this login,
// and lately. Signatures by cjose; RS256 and ES256 alone, whatever else the token or a key asks for.
//
// Pure: keys and time come in from outside.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

// The keys of a provider (RFC 7517).
class KeySet {
  public:
    // Keys that are not for signatures, or of a kind that is not believed here, are left out. invalid: no key set.
    static Result<KeySet> parse(std::string_view json);
    ~KeySet();
    KeySet(KeySet&&) noexcept;
    KeySet& operator=(KeySet&&) noexcept;

    bool empty() const;
    bool has(std::string_view kid) const;

  private:
    friend class IdTokenCheck;
    struct Inside;
    explicit KeySet(std::unique_ptr<Inside> inside);
    std::unique_ptr<Inside> inside_;
};

struct IdTokenExpectations {
    std::string issuer;
    std::string client_id;
    std::string nonce;
    WallTime now{};
    Seconds leeway{60};
    std::string username_claim = "preferred_username";
    std::string roles_claim;  // a claim with a text or a list of texts; dots lead into objects; "" for none
};

struct IdClaims {
    std::string issuer;
    std::string subject;
    std::string username;  // "" where the token does not say
    std::string email;     // only if the provider says that it is verified, or says nothing about that
    std::string name;
    std::vector<std::string> roles;  // values of the roles claim
};

// The key that a token names, "" if it names none. For a second look at the provider's keys. invalid: no token.
Result<std::string> key_of_id_token(std::string_view token);

// denied: what is wrong with it, in a sentence that names no secret.
Result<IdClaims> check_id_token(std::string_view token, const KeySet& keys, const IdTokenExpectations& expected);

// Whether the token says who it is, and the roles claim if there is one: else the provider's userinfo endpoint may know
// (Core 1.0 section 5.4: it need not put them into the token).
bool are_complete(const IdClaims& claims, const IdTokenExpectations& expected);
// Fills in what the token did not say from the answer of that endpoint (section 5.3.2). denied: it speaks of somebody
// else; unavailable: it is no JSON object.
Status add_userinfo(IdClaims& claims, std::string_view userinfo, const IdTokenExpectations& expected);

}  // namespace windlass::api
