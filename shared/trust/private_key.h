// A key pair on the curve P-256, as certificates of the site have it. Never leaves the machine that made it: what
// travels is a signing request.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "shared/result.h"

struct evp_pkey_st;

namespace windlass::trust {

class PrivateKey {
  public:
    static PrivateKey make();
    // invalid: not a P-256 key in PEM without a passphrase.
    static Result<PrivateKey> parse(std::string_view pem);

    std::string pem() const;  // PKCS #8; a secret
    // PKCS #10 in PEM, signed with this key. It says nothing but the key: the authority decides the rest.
    std::string signing_request() const;
    evp_pkey_st* native() const { return key_.get(); }

  private:
    explicit PrivateKey(evp_pkey_st* key);
    std::shared_ptr<evp_pkey_st> key_;
};

// The public key of a request.
struct RequestedKey {
    std::shared_ptr<evp_pkey_st> key;
    std::string sha256;  // of its SubjectPublicKeyInfo: two requests of one key have the same
};
//   invalid  not a request, not signed with its own key, or another kind of key than P-256
Result<RequestedKey> read_signing_request(std::string_view pem);

}  // namespace windlass::trust
