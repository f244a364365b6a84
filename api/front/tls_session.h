// One TLS connection of a server, as bytes: ciphertext in, clear bytes out, and back. No socket, no clock, one thread.
// Between calls it keeps at most one unfinished record of the client.
//
//   handshaking ──> open ──> ended (the client said close_notify)
//        └────────────┴────> failed (an alert for the client may lie in output())
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "api/front/tls_context.h"

struct ssl_st;
struct bio_st;

namespace windlass::api {

class TlsSession {
  public:
    enum class State { handshaking, open, ended, failed };

    // Keeps the context.
    explicit TlsSession(const TlsContext& context);
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

    // For the client; the owner takes it from here.
    std::string& output() { return output_; }
    State state() const { return state_; }
    // What failed, for the log.
    const std::string& fault() const { return fault_; }
    // Failed because the client's first bytes were an HTTP request.
    bool spoke_http() const { return spoke_http_; }

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

}  // namespace windlass::api
