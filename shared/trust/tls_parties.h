// The two parties of a TLS connection between a worker and the scheduler: what each shows and whom it believes. TLS 1.3
// alone, ALPN "windlass", certificates of the site's own authority on both sides, no resumption (every connection shows
// its certificate anew).
//
// Immutable: any thread. Connections keep the party they began with; a new certificate is a new party.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/result.h"
#include "shared/time.h"
#include "shared/trust/authority.h"
#include "shared/trust/certificate.h"
#include "shared/trust/private_key.h"

struct ssl_ctx_st;

namespace windlass::trust {

// Of the machine; tests hand in one that goes wrong.
using WallClock = std::function<WallTime()>;
WallTime system_wall_clock();

// What the check of the peer's certificate found, kept with the connection (SSL_get_ex_data, index 0).
struct VerifyNotes {
    bool goes_on = false;  // whatever is found: a server tells its client later what is wrong
    int first_error = 0;   // X509_V_OK
    std::optional<Certificate> leaf;
};

class TlsParty {
  public:
    virtual ~TlsParty() = default;
    ssl_ctx_st* native() const { return context_.get(); }
    WallTime now() const { return clock_(); }

  protected:
    TlsParty(std::shared_ptr<ssl_ctx_st> context, WallClock clock)
        : context_(std::move(context)), clock_(std::move(clock)) {}

  private:
    std::shared_ptr<ssl_ctx_st> context_;
    WallClock clock_;
};

class TlsServer final : public TlsParty {
  public:
    // Makes a key and a certificate for these names, which live in memory alone. Clients may come without a
    // certificate, to enrol; what one shows is judged by SecureChannel::peer().
    static std::shared_ptr<const TlsServer> make(const Authority& authority, const std::vector<std::string>& names,
                                                 Seconds lifetime, WallClock clock = system_wall_clock);
    // Half of its life is over: make another.
    bool is_old() const { return now() >= old_at_; }

  private:
    TlsServer(std::shared_ptr<ssl_ctx_st> context, WallClock clock, WallTime old_at)
        : TlsParty(std::move(context), std::move(clock)), old_at_(old_at) {}
    WallTime old_at_;
};

class TlsClient final : public TlsParty {
  public:
    // Believes schedulers whose certificate is of this authority and for the name that was dialled.
    //   invalid  the key is not that of the certificate
    static Result<std::shared_ptr<const TlsClient>> with(const PrivateKey& key, const Certificate& own,
                                                         const Certificate& authority,
                                                         WallClock clock = system_wall_clock);
    // First contact: shows nothing, and believes whoever has a certificate of the authority with this fingerprint.
    static std::shared_ptr<const TlsClient> pinned(const std::string& authority_fingerprint,
                                                   WallClock clock = system_wall_clock);

  private:
    TlsClient(std::shared_ptr<ssl_ctx_st> context, WallClock clock) : TlsParty(std::move(context), std::move(clock)) {}
};

}  // namespace windlass::trust
