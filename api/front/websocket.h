// A WebSocket as handlers see it. A handler of the ordinary kind looks at the request as always (route, credential,
// role, whether the thing is there) and answers with Upgrade instead of a Response; the front does the handshake,
// checks the Origin and from then on calls the WebSocketHandler.
//
// Calls of one WebSocketHandler come one at a time and in order, on the front's few threads, never on the loop; a
// handler never waits there. An open WebSocket costs no thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace windlass::api {

// RFC 6455 section 7.4.1. Applications have 4000 to 4999 for themselves.
namespace websocket_close {
inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t going_away = 1001;
inline constexpr std::uint16_t protocol_error = 1002;
inline constexpr std::uint16_t unsupported_data = 1003;
inline constexpr std::uint16_t no_status = 1005;  // never sent: the client gave none
inline constexpr std::uint16_t abnormal = 1006;   // never sent: the connection was lost
inline constexpr std::uint16_t invalid_payload = 1007;
inline constexpr std::uint16_t policy_violation = 1008;
inline constexpr std::uint16_t too_big = 1009;
inline constexpr std::uint16_t internal_error = 1011;
inline constexpr std::uint16_t try_again_later = 1013;  // of IANA's registry
}  // namespace websocket_close

struct WebSocketMessage {
    enum class Kind { text, binary };
    Kind kind = Kind::text;
    std::string data;  // text: valid UTF-8
};

class WebSocketOutbox;

// The client at the other end. Cheap to copy; any thread; outlives the connection without harm.
class WebSocketPeer {
  public:
    explicit WebSocketPeer(std::shared_ptr<WebSocketOutbox> outbox) : outbox_(std::move(outbox)) {}

    // False: it has gone, or close was said. Text must be valid UTF-8. A client that does not take what it is sent is
    // dropped when more than FrontLimits::websocket_unsent_bytes lie there: use wake() to go at its pace. The second
    // form is for what many are sent: they share the bytes.
    bool send_text(std::string text) const;
    bool send_text(std::shared_ptr<const std::string> text) const;
    bool send_binary(std::string bytes) const;
    // After everything that was sent before. Later calls change nothing.
    void close(std::uint16_t code = websocket_close::normal, std::string reason = {}) const;
    // Calls WebSocketHandler::on_wake() as soon as the kernel has taken all that was sent. Calls that come before that
    // count as one.
    void wake() const;

  private:
    std::shared_ptr<WebSocketOutbox> outbox_;
};

// Destroyed after on_close(), on whatever thread; without on_close() only when the front itself goes. What a call
// throws is logged and ends the connection with 1011.
class WebSocketHandler {
  public:
    virtual ~WebSocketHandler() = default;
    virtual void on_open(const WebSocketPeer& peer) = 0;  // first
    virtual void on_message(WebSocketMessage message) = 0;
    virtual void on_wake() {}
    // Every FrontLimits::websocket_ping, whatever happens: for looking after oneself.
    virtual void on_heartbeat() {}
    // Last, once. How the conversation ended: the client's code (1005 if it gave none), 1006 for a lost connection, or
    // the code that we sent.
    virtual void on_close(std::uint16_t /*code*/, std::string_view /*reason*/) {}
};

}  // namespace windlass::api
