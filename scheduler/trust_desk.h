// Workers of other machines: who of those that come over TLS is let in, what they enrol with, and what is said of it by
// administrators. The authority signs here and nowhere else. docs/workers-elsewhere.md tells the story.
//
// Everything belongs to the loop's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/peer.h"
#include "scheduler/turns.h"
#include "shared/trust/authority.h"
#include "shared/trust/tls_parties.h"

namespace windlass::scheduler {

struct TrustSettings {
    std::shared_ptr<const trust::Authority> authority;  // null: no workers of other machines
    std::vector<std::string> names;                     // by which they dial the scheduler
    Seconds certificate_lifetime{24 * 3600};
};

class TrustDesk {
  public:
    TrustDesk(Turns& turns, TrustSettings settings);

    // What the store holds, before the first connection.
    void restore(std::vector<WorkerTrust> trust);

    // The party for the next connection: its certificate is made anew at half of its life.
    std::shared_ptr<const trust::TlsServer> server();

    // Empty: this certificate is good, and for the worker of this name. Otherwise the sentence that the peer gets.
    std::string reason_to_refuse(const trust::PeerCertificate& shown, const std::string& name) const;

    // From a stranger: answered by Certified or Refused, and then the connection is closed.
    void enrol(const PeerPtr& peer, const protocol::Enrol& enrol);
    // From a worker that was let in with a certificate.
    void renew(const PeerPtr& peer, const protocol::RenewCertificate& renewal);
    // The certificate with which this worker came in has ended, and it did not renew it.
    bool is_over(const Peer& peer) const;

    // From the api, for an administrator.
    void make_token(const PeerPtr& peer, const protocol::EnrolWorker& wish);
    // `drop` is called when it is durable, before the api is answered.
    void revoke(const PeerPtr& peer, const protocol::RevokeWorker& wish, std::function<void(const std::string&)> drop);

  private:
    protocol::Certified certify(const trust::RequestedKey& key, const trust::WorkerIdentity& worker) const;
    bool counts(const trust::WorkerIdentity& worker) const;
    void answer_failure(const PeerPtr& peer, RequestId request, const Error& error);
    void refuse(const PeerPtr& peer, const std::string& reason);

    Turns& turns_;
    const TrustSettings settings_;
    std::shared_ptr<const trust::TlsServer> server_;
    std::map<std::string, WorkerTrust> trust_;  // by name
};

// 1 to 200 bytes of UTF-8 without NUL.
bool can_name_a_worker(const std::string& name);

}  // namespace windlass::scheduler
