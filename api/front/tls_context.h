// What every TLS connection of a listener has in common: the certificate, its key, and which versions and suites are
// spoken. Loaded from two PEM files; never changed afterwards. A new certificate is a new context: connections keep
// the one they began with.
#pragma once

#include <memory>
#include <string>

#include "shared/result.h"

struct ssl_ctx_st;

namespace windlass::api {

// Both empty: plain HTTP.
struct TlsFiles {
    std::string certificate;  // PEM, the server's own first, then the intermediate ones
    std::string key;          // PEM, without a passphrase, not readable by others

    bool wanted() const { return !certificate.empty() || !key.empty(); }
};

class TlsContext {
  public:
    // Reads the files at once. invalid, denied: a sentence says which file has what fault and what to do.
    static Result<std::shared_ptr<const TlsContext>> load(const TlsFiles& files);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    ssl_ctx_st* native() const { return context_; }
    // For the log: "CN=example.org, valid until Nov 21 12:00:00 2027 GMT".
    std::string certificate() const;

  private:
    explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
    ssl_ctx_st* context_;
};

}  // namespace windlass::api
