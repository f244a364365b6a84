// The site's own small certificate authority: one key, one certificate, no chain. It signs two kinds of certificates,
// of schedulers and of workers (certificate.h), and nobody outside the site trusts it.
//
// Pure but for open(). Immutable: any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "shared/result.h"
#include "shared/time.h"
#include "shared/trust/certificate.h"
#include "shared/trust/private_key.h"

namespace windlass::trust {

// Certificates begin so long before they are made: clocks of a site may differ by as much.
inline constexpr Seconds clock_tolerance{3600};

class Authority {
  public:
    static Authority make(WallTime now);
    // Reads DIRECTORY/authority.key (0600) and DIRECTORY/authority.pem, or makes both where there is neither; the
    // directory too (0700).
    //   denied   others may read the key
    //   invalid  one of the two is missing, or they do not belong together
    static Result<Authority> open(const std::string& directory, WallTime now);

    const Certificate& certificate() const { return certificate_; }

    // For a worker that asked with this key; good from now - clock_tolerance to now + lifetime.
    Certificate certify_worker(const RequestedKey& key, const WorkerIdentity& worker, WallTime now,
                               Seconds lifetime) const;
    // `names`: host names and addresses (check_server_name()).
    Certificate certify_scheduler(const PrivateKey& key, const std::vector<std::string>& names, WallTime now,
                                  Seconds lifetime) const;

  private:
    Authority(PrivateKey key, Certificate certificate) : key_(std::move(key)), certificate_(std::move(certificate)) {}
    PrivateKey key_;
    Certificate certificate_;
};

// invalid: neither an address nor a host name (letters, digits, "-" and "."; no wildcards).
Status check_server_name(const std::string& name);

}  // namespace windlass::trust
