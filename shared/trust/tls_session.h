// One TLS connection, of either side, as bytes: ciphertext in, clear bytes out, and back. No socket, no clock, one
// thread. Between calls it keeps at most one unfinished record of the peer.
//
//   handshaking ──> open ──> ended (the peer said close_notify)
//        └────────────┴────> failed (an alert for the peer may lie in output())
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;
struct bio_st;

namespace windlass {

class TlsSession {
  public:
    enum class State { handshaking, open, ended, failed };

    enum class Side { server, client };

    // Keeps a reference to the context. A client speaks first: call read() with nothing to begin.
    TlsSession(ssl_ctx_st* context, Side side);
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    // Takes bytes off the front of `ciphertext` and puts what they say into `out`; gives its size. 0: everything was
    // taken, or the state is ended or failed. Call until then.
    std::size_t read(std::string_view& ciphertext, char* out, std::size_t size);
    // Appends the encrypted bytes to output(). Only when open or ended. False: failed.
    bool write(std::string_view clear);
    // Appends close_notify to output(), once, if the state allows it.
    void say_goodbye();

    // For the peer; the owner takes it from here.
    std::string& output() { return output_; }
    State state() const { return state_; }
    // What failed, for the log.
    const std::string& fault() const { return fault_; }
    // Failed because the peer's first bytes were an HTTP request.
    bool spoke_http() const { return spoke_http_; }
    // To set up before the first read(), and to ask about the peer.
    ssl_st* native() const { return ssl_; }

  private:
    friend struct TlsSessionBio;
    bool handshake();
    void fail();

    ssl_st* ssl_;
    std::string_view input_;  // only during read()
    std::string output_;
    State state_ = State::handshaking;
    std::string fault_;
    bool spoke_http_ = false;
};

}  // namespace windlass
