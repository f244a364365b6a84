// Owners of OpenSSL's objects, and what it says when something fails.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

#include "shared/result.h"

namespace windlass::trust {

struct OpensslFree {
    void operator()(BIO* bio) const { ::BIO_free(bio); }
    void operator()(EVP_PKEY* key) const { ::EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { ::X509_free(certificate); }
    void operator()(X509_REQ* request) const { ::X509_REQ_free(request); }
    void operator()(X509_EXTENSION* extension) const { ::X509_EXTENSION_free(extension); }
    void operator()(GENERAL_NAMES* names) const { ::GENERAL_NAMES_free(names); }
    void operator()(BIGNUM* number) const { ::BN_free(number); }
    void operator()(unsigned char* bytes) const { ::OPENSSL_free(bytes); }
};
template <class T>
using Owned = std::unique_ptr<T, OpensslFree>;

// The first fault in OpenSSL's queue, which is emptied.
std::string openssl_fault();
Error openssl_error(std::string_view what);

// To read from; the text must outlive it.
Owned<BIO> reading(std::string_view text);
Owned<BIO> memory();
std::string text_in(BIO* memory);

}  // namespace windlass::trust
