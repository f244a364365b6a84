// One WebSocket conversation from the server's side, after the handshake (RFC 6455 sections 5 to 8): wslay frames,
// unmasks and judges. Pure: bytes in, messages and bytes out; no socket, no clock, one thread.
//
// Messages come whole, however they were fragmented. Pings are answered here. Whatever breaks a rule ends the
// conversation with the close code of that rule, at once: what is read after that is thrown away.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/front/websocket.h"

struct wslay_event_context;

namespace windlass::api {

class WebSocketSession {
  public:
    enum class Phase {
        open,
        closing,  // we have said close, the client has not yet; its messages are dropped
        closed,   // both have, or the client broke a rule: send what is there, then end the connection
    };
    // How it ended; as long as it is open, {1006, ""}. From the client: its own words, 1005 if it gave no code.
    struct End {
        std::uint16_t code = websocket_close::abnormal;
        std::string reason;
    };

    explicit WebSocketSession(std::size_t largest_message_bytes);
    ~WebSocketSession();
    WebSocketSession(const WebSocketSession&) = delete;
    WebSocketSession& operator=(const WebSocketSession&) = delete;

    // Appends the messages that are complete now.
    void receive(std::string_view bytes, std::vector<WebSocketMessage>& messages);
    // All three do nothing once close was said.
    void send(WebSocketMessage::Kind kind, std::string_view data);
    void ping();
    // Reasons beyond 123 bytes are cut, between characters.
    void close(std::uint16_t code, std::string_view reason);

    // What has to go out, in order.
    std::string take_output();
    std::size_t output_bytes() const { return output_.size(); }

    Phase phase() const { return phase_; }
    const End& end() const { return end_; }
    std::size_t held_bytes() const { return partial_.size(); }  // of a message that is not complete
    std::uint64_t frames_received() const { return frames_received_; }

  private:
    struct Callbacks;

    void hand_on(std::string_view bytes);
    void fail(std::uint16_t code, std::string_view reason);
    void on_frame_start(std::uint8_t opcode, std::uint64_t payload_bytes);
    void on_close(std::uint16_t code, std::string_view payload);
    void answer_fault();
    void flush();
    void settle();

    const std::size_t largest_message_bytes_;
    wslay_event_context* context_ = nullptr;
    std::string_view input_;
    std::string output_;
    std::string frame_;               // a head, or a control frame, that is not whole
    std::uint64_t payload_left_ = 0;  // of the frame that is being read
    std::string partial_;
    bool in_control_frame_ = false;
    std::uint16_t close_fault_ = 0;
    std::vector<WebSocketMessage>* messages_ = nullptr;
    std::uint64_t frames_received_ = 0;
    Phase phase_ = Phase::open;
    End end_;
};

}  // namespace windlass::api
