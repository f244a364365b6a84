// The bytes of one connection, clear to its owner, plain or under TLS to the client. Loop's thread only.
//
//   socket ──> Transport ──> TlsSession (if any) ──> TransportUser::on_bytes
//   socket <── Transport <── TlsSession (if any) <── write()
//
// Ends of the two directions:
//   - The client ends its direction with FIN, under TLS with close_notify or FIN: on_end_of_input(). Requests know
//     their length, so an end that is cut short cannot pass for a whole request. What is being answered is still sent.
//   - shutdown() ends ours (close_notify, FIN) and throws away what still comes.
//   - close() ends everything. A clean close under TLS says close_notify; one that breaks an answer off does not, so
//     that the client knows that this was not all.
//
// Memory under TLS: at most one unfinished record in, `encrypt_at_once_bytes` out, and replies of the protocol
// itself (key updates) up to `own_replies_bytes`; beyond that the connection is broken. An idle one holds no buffer.
#pragma once

#include <uv.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "api/front/listener.h"
#include "api/front/tls_context.h"
#include "shared/trust/tls_session.h"

namespace windlass::api {

// Whoever the bytes are for. None of these is called from within write(), shutdown() or set_reading().
class TransportUser {
  public:
    // Clear bytes, valid during the call. After shutdown(): only their number counts, they are still encrypted.
    virtual void on_bytes(std::string_view bytes) = 0;
    // The handshake is done; at once for a plain connection's owner, who is never told.
    virtual void on_secured() = 0;
    // Plain HTTP came where TLS is spoken. The transport is a plain one from now on, for one answer that says so.
    virtual void on_plain_http() = 0;
    virtual void on_end_of_input() = 0;
    // What write() left over was taken by the kernel.
    virtual void on_written() = 0;
    // Nothing more can come or go: close().
    virtual void on_broken() = 0;
    // After close(): the memory may go, the transport's as well.
    virtual void on_closed() = 0;

  protected:
    ~TransportUser() = default;
};

// Of the loop, for one transport at a time.
struct TransportBuffers {
    std::array<char, 64 * 1024> read;
    std::array<char, 64 * 1024> clear;
};

class Transport {
  public:
    enum class Written { all, later, broken };  // later: on_written() follows

    // `buffers` must outlive it. Nothing may be destroyed between a successful Listener::accept() and on_closed().
    Transport(TransportUser& user, TransportBuffers& buffers) : user_(&user), buffers_(buffers) {}
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    SocketHandle& socket() { return socket_; }
    // After accept, before anything else, if it is to be TLS. Reading does the handshake.
    void secure(const TlsContext& context) {
        tls_ = std::make_unique<TlsSession>(context.native(), TlsSession::Side::server);
    }
    bool is_secure() const { return tls_ != nullptr; }
    // Under TLS and not there yet: nothing can be written.
    bool is_handshaking() const { return tls_ && tls_->state() == TlsSession::State::handshaking; }
    // Hands the connection to somebody else, e.g. after an upgrade.
    void set_user(TransportUser& user) { user_ = &user; }

    void set_reading(bool wanted);
    // One at a time. Owns both until they are written.
    Written write(std::string head, std::string body);
    // A few bytes between two write()s. False: broken.
    bool write_now(std::string_view bytes);
    // Clear bytes of write() that the kernel has not taken, under TLS in portions. Falls as long as there is progress.
    std::size_t unsent_bytes() const;
    // What write() holds in memory.
    std::size_t held_bytes() const { return head_.size() + body_.size(); }
    // False: close() is all that is left.
    bool shutdown();
    void close(bool clean);

  private:
    static constexpr std::size_t encrypt_at_once_bytes = 128 * 1024;
    static constexpr std::size_t send_at_once_bytes = 1024 * 1024;
    static constexpr std::size_t own_replies_bytes = 64 * 1024;

    void on_read(ssize_t size, const char* data);
    void decrypt(std::string_view ciphertext);
    bool end_handshake();
    Written write_plain();
    // Encrypts and sends until the kernel has no room, or everything is sent.
    Written pump();
    bool encrypt_next();
    bool queue(const uv_buf_t* buffers, unsigned count);
    void on_queued_written(int status);

    TransportUser* user_;
    TransportBuffers& buffers_;
    SocketHandle socket_{};
    uv_write_t write_{};
    uv_shutdown_t shutdown_{};
    std::unique_ptr<TlsSession> tls_;
    std::string head_;  // of write()
    std::string body_;
    std::size_t encrypted_ = 0;  // of both
    std::string sending_;        // ciphertext that libuv has
    bool reading_ = false;
    bool queued_ = false;   // libuv has something to write
    bool writing_ = false;  // write() said later
    bool shut_down_ = false;
    bool closing_ = false;
};

}  // namespace windlass::api
