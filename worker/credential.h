// What this worker shows to a scheduler on another machine: a key, its certificate, and the authority it believes.
// STATE_DIRECTORY/identity.pem holds all three (mode 0600, replaced as a whole), so that whatever crashes they belong
// together. The key is made here and never leaves.
//
// Everything belongs to the loop's thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "shared/protocol.h"
#include "shared/result.h"
#include "shared/time.h"
#include "shared/trust/tls_parties.h"

namespace windlass::worker {

class Credential {
  public:
    //   not_found  never enrolled: says how
    static Result<Credential> load(const std::string& state_directory);
    // What an enrolment gave for this key.
    //   invalid  the certificate is not for this key, or not one of a worker
    static Result<Credential> make(const std::string& state_directory, trust::PrivateKey key,
                                   const protocol::Certified& certified);
    Status save() const;

    // For the next connection.
    const std::shared_ptr<const trust::TlsClient>& client() const { return client_; }
    const trust::Certificate& certificate() const { return certificate_; }

    // Half of its life is over.
    bool is_old(WallTime now) const;
    // A request for the next certificate, with a new key, which is kept here until the answer comes. Asked again, the
    // same.
    std::string request_for_next();
    // The answer: saved first, then used.
    //   invalid  not what was asked for; nothing has changed
    Status take_next(const protocol::Certified& certified);

  private:
    Credential(std::string path, trust::PrivateKey key, trust::Certificate certificate, trust::Certificate authority,
               std::shared_ptr<const trust::TlsClient> client);

    std::string path_;
    trust::PrivateKey key_;
    trust::Certificate certificate_;
    trust::Certificate authority_;
    std::shared_ptr<const trust::TlsClient> client_;
    std::optional<trust::PrivateKey> next_key_;
};

}  // namespace windlass::worker
