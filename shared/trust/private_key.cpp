#include "shared/trust/private_key.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "shared/digest.h"
#include "shared/trust/openssl_handles.h"

namespace windlass::trust {
namespace {

// Without it OpenSSL would ask for a passphrase on the terminal, and a daemon would hang there.
int no_passphrase(char*, int, int, void*) {
    return 0;
}

bool is_p256(EVP_PKEY* key) {
    char group[32] = {};
    std::size_t size = 0;
    return ::EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
           ::EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1 && std::string_view(group) == "prime256v1";
}

}  // namespace

PrivateKey::PrivateKey(evp_pkey_st* key) : key_(key, OpensslFree()) {}

PrivateKey PrivateKey::make() {
    // What EVP_EC_gen() stands for, without the cast in its macro, which clang refuses.
    EVP_PKEY* key = ::EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
    WINDLASS_CHECK(key != nullptr, "OpenSSL cannot make a key");
    return PrivateKey(key);
}

Result<PrivateKey> PrivateKey::parse(std::string_view pem) {
    ::ERR_clear_error();
    EVP_PKEY* key = ::PEM_read_bio_PrivateKey(reading(pem).get(), nullptr, no_passphrase, nullptr);
    if (key == nullptr)
        return make_error(ErrorKind::invalid, "this is no private key in PEM without a passphrase: " + openssl_fault());
    PrivateKey read(key);
    if (!is_p256(key)) return make_error(ErrorKind::invalid, "this is no key on the curve P-256");
    return read;
}

std::string PrivateKey::pem() const {
    const auto out = memory();
    WINDLASS_CHECK(::PEM_write_bio_PKCS8PrivateKey(out.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
                   "OpenSSL cannot write a key");
    return text_in(out.get());
}

std::string PrivateKey::signing_request() const {
    const Owned<X509_REQ> request(::X509_REQ_new());
    const auto out = memory();
    WINDLASS_CHECK(request != nullptr && ::X509_REQ_set_pubkey(request.get(), key_.get()) == 1 &&
                       ::X509_REQ_sign(request.get(), key_.get(), ::EVP_sha256()) > 0 &&
                       ::PEM_write_bio_X509_REQ(out.get(), request.get()) == 1,
                   "OpenSSL cannot make a signing request");
    return text_in(out.get());
}

Result<RequestedKey> read_signing_request(std::string_view pem) {
    ::ERR_clear_error();
    const Owned<X509_REQ> request(::PEM_read_bio_X509_REQ(reading(pem).get(), nullptr, no_passphrase, nullptr));
    if (request == nullptr)
        return make_error(ErrorKind::invalid, "this is no certificate signing request: " + openssl_fault());
    EVP_PKEY* key = ::X509_REQ_get0_pubkey(request.get());
    if (key == nullptr || !is_p256(key))
        return make_error(ErrorKind::invalid, "a worker's key must be one on the curve P-256");
    if (::X509_REQ_verify(request.get(), key) != 1) {
        ::ERR_clear_error();
        return make_error(ErrorKind::invalid, "the signing request is not signed with its own key");
    }
    unsigned char* der = nullptr;
    const int size = ::i2d_PUBKEY(key, &der);
    WINDLASS_CHECK(size > 0, "OpenSSL cannot write a public key");
    const Owned<unsigned char> owned(der);
    ::EVP_PKEY_up_ref(key);
    return RequestedKey{std::shared_ptr<evp_pkey_st>(key, OpensslFree()),
                        sha256_hex({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)})};
}

}  // namespace windlass::trust
