// One TLS connection between a worker and the scheduler, as bytes; what went wrong as a sentence for a person; and who
// the peer is. No socket, one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "shared/trust/tls_parties.h"
#include "shared/trust/tls_session.h"

namespace windlass::trust {

// What the client at the other end showed.
struct PeerCertificate {
    bool shown = false;
    std::string fault;      // a sentence: it is worth nothing. Set, or `worker` is
    WorkerIdentity worker;  // as the authority certified it
    WallTime valid_until{};
};

class SecureChannel {
  public:
    explicit SecureChannel(std::shared_ptr<const TlsServer> server);
    // `name`: host name or address that was dialled; the certificate must be for it.
    SecureChannel(std::shared_ptr<const TlsClient> client, const std::string& name);

    // Appends what the ciphertext says to `clear`; what has to be said in turn is appended to output(). A client begins
    // with open({}). False: failed, fault() says why; output() may hold an alert that should still be sent.
    bool open(std::string_view ciphertext, std::string& clear);
    // Only when is_open().
    bool seal(std::string_view clear);
    void say_goodbye() { session_.say_goodbye(); }

    std::string& output() { return session_.output(); }
    bool is_open() const;
    // The peer said that nothing follows.
    bool has_ended() const { return session_.state() == TlsSession::State::ended; }
    const std::string& fault() const { return fault_; }
    // Of a server's channel, once it is open.
    const PeerCertificate& peer() const { return peer_; }

  private:
    void set_up();
    void handshake_done();
    std::string fault_of_handshake() const;
    std::string fault_of_scheduler(long error) const;
    std::string fault_of_worker(const Certificate& certificate, long error) const;

    std::shared_ptr<const TlsParty> party_;
    const bool is_server_;
    const std::string name_;
    TlsSession session_;
    bool greeted_ = false;  // the handshake is over, and well
    VerifyNotes notes_;
    std::string fault_;
    PeerCertificate peer_;
};

}  // namespace windlass::trust
