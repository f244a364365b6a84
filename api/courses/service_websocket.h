// A WebSocket that is forwarded: the front speaks with the client, this speaks with the service as its client
// (RFC 6455), and messages go over whole, at the pace of whoever is slower.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/courses/service_pipe.h"
#include "api/front/websocket.h"

struct wslay_event_context;

namespace windlass::api {

// The client's side of one conversation, after the handshake. Pure.
class WebSocketClientSession {
  public:
    WebSocketClientSession();
    ~WebSocketClientSession();
    WebSocketClientSession(const WebSocketClientSession&) = delete;
    WebSocketClientSession& operator=(const WebSocketClientSession&) = delete;

    // Largest message from a service.
    static constexpr std::size_t largest_message_bytes = 16 << 20;

    void receive(std::string_view bytes, std::vector<WebSocketMessage>& messages);
    void send(const WebSocketMessage& message);
    void close(std::uint16_t code, std::string_view reason);
    std::string take_output() { return std::exchange(output_, {}); }
    bool closed() const { return closed_; }  // by the other end, in order or by breaking a rule
    std::uint16_t close_code() const { return close_code_; }
    const std::string& close_reason() const { return close_reason_; }

  private:
    struct Callbacks;
    void flush();

    wslay_event_context* context_ = nullptr;
    std::string_view input_;
    std::string output_;
    std::vector<WebSocketMessage>* messages_ = nullptr;
    bool closed_ = false;
    std::uint16_t close_code_ = websocket_close::abnormal;
    std::string close_reason_;
};

// 16 random bytes in base64: Sec-WebSocket-Key.
std::string new_websocket_key();

// `first`: what came behind the head of the service's 101.
std::shared_ptr<WebSocketHandler> forward_websocket(std::shared_ptr<ServicePipe> pipe, std::string first);

}  // namespace windlass::api
