// One peer on a libuv loop that speaks frames of protocol messages. Everything belongs to the loop's thread.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <string>

#include "shared/protocol.h"
#include "shared/result.h"
#include "shared/trust/secure_channel.h"

namespace windlass::wire {

// "unix:/path", "HOST:PORT" or "[V6]:PORT"; for workers of other machines "tls://HOST:PORT" (parse_addresses()). HOST
// is an address; only where TLS tells who answers may it be a name.
struct Endpoint {
    std::string unix_path;  // set: a unix socket
    std::string host;
    int port = 0;
    bool tls = false;

    std::string text() const;
    bool is_loopback() const;  // unix sockets are
};
Result<Endpoint> parse_endpoint(const std::string& text);

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    struct Handlers {
        std::function<void(protocol::Message, std::string body)> on_message;
        // Once, for whatever reason; nothing comes after it. The sentence is for the log.
        std::function<void(const std::string& reason)> on_closed;
    };

    virtual ~Connection() = default;
    // Must be called before the loop runs again after the connection was handed over.
    virtual void set_handlers(Handlers handlers) = 0;
    // Queued and written when the loop can; what is sent in one turn leaves in one write. Ignored after the close.
    virtual void send(const protocol::Message& message, std::string_view body = {}) = 0;
    virtual std::size_t unsent_bytes() const = 0;
    // From now on large frames are welcome (after Hello was accepted).
    virtual void trust() = 0;
    // Sends what is queued, then closes; on_closed follows.
    virtual void close(const std::string& reason) = 0;
    virtual std::string peer() const = 0;  // for the log
    // Of the process at the other end of a unix socket; -1 if unknown.
    virtual long peer_uid() const = 0;
    // What a client showed over TLS. Null: this is not TLS, or we are the client.
    virtual const trust::PeerCertificate* certificate() const { return nullptr; }
    // The peer has closed its end already, though on_closed is still to come.
    virtual bool peer_has_gone() const = 0;
};

// Dials once. `done` gets the connection or the reason. Cancelled by destroying nothing: it always calls back. An
// endpoint of TLS needs a `client`, resolves the host's name, and is there when the scheduler has shown who it is.
void connect(uv_loop_t* loop, const Endpoint& endpoint, std::function<void(Result<std::shared_ptr<Connection>>)> done,
             std::shared_ptr<const trust::TlsClient> client = nullptr);

class Listener {
  public:
    // Binds and listens. A unix socket is made with mode 0660; one that a dead process left is replaced, one that
    // answers is not (conflict). `server`: speaks TLS, each connection as the party that it gives at that moment; a
    // connection is handed over before its handshake, and whoever takes it keeps the deadline.
    using Server = std::function<std::shared_ptr<const trust::TlsServer>()>;
    static Result<std::unique_ptr<Listener>> open(uv_loop_t* loop, const Endpoint& endpoint,
                                                  std::function<void(std::shared_ptr<Connection>)> on_connection,
                                                  Server server = {});
    virtual ~Listener() = default;
    virtual Endpoint endpoint() const = 0;  // with the port that was picked
    virtual void close() = 0;
};

}  // namespace windlass::wire
