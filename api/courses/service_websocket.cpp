#include "api/courses/service_websocket.h"

#include <sodium.h>
#include <wslay/wslay.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "shared/result.h"

namespace windlass::api {
namespace {

// What a service that does not read may let lie here.
constexpr std::size_t most_unsent_bytes = 4 << 20;

class Forwarded final : public WebSocketHandler {
  public:
    Forwarded(std::shared_ptr<ServicePipe> pipe, std::string first)
        : pipe_(std::move(pipe)), first_(std::move(first)) {}
    ~Forwarded() override { pipe_->on_change(nullptr); }

    void on_open(const WebSocketPeer& peer) override {
        peer_ = std::make_unique<WebSocketPeer>(peer);
        // The pipe outlives neither us nor, in its callback, the client: a peer that has gone takes no harm.
        pipe_->on_change([peer] { peer.wake(); });
        pass_on(std::exchange(first_, {}), ServicePipe::State::open);
    }
    void on_message(WebSocketMessage message) override {
        session_.send(message);
        pipe_->write(session_.take_output());
        if (pipe_->unsent_bytes() > most_unsent_bytes)
            peer_->close(websocket_close::try_again_later, "the service does not take what it is sent");
    }
    void on_wake() override {
        std::string bytes;
        const auto state = pipe_->take(bytes);
        pass_on(bytes, state);
    }
    void on_close(std::uint16_t code, std::string_view reason) override {
        pipe_->on_change(nullptr);
        const bool sendable = code != websocket_close::no_status && code != websocket_close::abnormal;
        session_.close(sendable ? code : websocket_close::going_away, sendable ? reason : std::string_view());
        pipe_->write(session_.take_output());
    }

  private:
    void pass_on(std::string_view bytes, ServicePipe::State state) {
        std::vector<WebSocketMessage> messages;
        session_.receive(bytes, messages);
        pipe_->write(session_.take_output());  // pongs, and the answer to a close
        for (auto& message : messages) {
            if (message.kind == WebSocketMessage::Kind::text)
                peer_->send_text(std::move(message.data));
            else
                peer_->send_binary(std::move(message.data));
        }
        if (session_.closed()) {
            const auto code = session_.close_code();
            const bool sendable = code != websocket_close::no_status && code != websocket_close::abnormal;
            return peer_->close(sendable ? code : websocket_close::normal, session_.close_reason());
        }
        if (state != ServicePipe::State::open)
            peer_->close(websocket_close::going_away, "the service has ended the connection");
    }

    std::shared_ptr<ServicePipe> pipe_;
    std::string first_;
    std::unique_ptr<WebSocketPeer> peer_;
    WebSocketClientSession session_;
};

}  // namespace

struct WebSocketClientSession::Callbacks {
    static WebSocketClientSession& of(void* user) { return *static_cast<WebSocketClientSession*>(user); }

    static ssize_t receive(wslay_event_context* context, std::uint8_t* to, std::size_t size, int, void* user) {
        auto& input = of(user).input_;
        if (input.empty()) {
            wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
            return -1;
        }
        const auto count = std::min(size, input.size());
        std::memcpy(to, input.data(), count);
        input.remove_prefix(count);
        return static_cast<ssize_t>(count);
    }
    static ssize_t send(wslay_event_context*, const std::uint8_t* from, std::size_t size, int, void* user) {
        of(user).output_.append(reinterpret_cast<const char*>(from), size);
        return static_cast<ssize_t>(size);
    }
    static int mask(wslay_event_context*, std::uint8_t* to, std::size_t size, void*) {
        ::randombytes_buf(to, size);
        return 0;
    }
    static void message(wslay_event_context*, const wslay_event_on_msg_recv_arg* got, void* user) {
        auto& self = of(user);
        std::string data(reinterpret_cast<const char*>(got->msg), got->msg_length);
        if (got->opcode == WSLAY_CONNECTION_CLOSE) {
            self.closed_ = true;
            self.close_code_ = got->status_code == 0 ? websocket_close::no_status : got->status_code;
            self.close_reason_ = data.size() > 2 ? data.substr(2) : std::string();
        } else if (got->opcode == WSLAY_TEXT_FRAME) {
            self.messages_->push_back({WebSocketMessage::Kind::text, std::move(data)});
        } else if (got->opcode == WSLAY_BINARY_FRAME) {
            self.messages_->push_back({WebSocketMessage::Kind::binary, std::move(data)});
        }
    }
};

WebSocketClientSession::WebSocketClientSession() {
    wslay_event_callbacks callbacks{};
    callbacks.recv_callback = Callbacks::receive;
    callbacks.send_callback = Callbacks::send;
    callbacks.genmask_callback = Callbacks::mask;
    callbacks.on_msg_recv_callback = Callbacks::message;
    WINDLASS_CHECK(wslay_event_context_client_init(&context_, &callbacks, this) == 0, "wslay has no memory");
    wslay_event_config_set_max_recv_msg_length(context_, largest_message_bytes);
}

WebSocketClientSession::~WebSocketClientSession() {
    wslay_event_context_free(context_);
}

void WebSocketClientSession::receive(std::string_view bytes, std::vector<WebSocketMessage>& messages) {
    input_ = bytes;
    messages_ = &messages;
    const bool good = wslay_event_recv(context_) == 0;
    messages_ = nullptr;
    input_ = {};
    flush();
    // It broke a rule: wslay has said so to the other end, and reads no more.
    if ((!good || wslay_event_get_read_enabled(context_) == 0) && !closed_) {
        closed_ = true;
        close_code_ = websocket_close::protocol_error;
        close_reason_ = "the service broke the rules of WebSockets";
    }
}

void WebSocketClientSession::send(const WebSocketMessage& message) {
    wslay_event_msg out{};
    out.opcode = message.kind == WebSocketMessage::Kind::text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME;
    out.msg = reinterpret_cast<const std::uint8_t*>(message.data.data());
    out.msg_length = message.data.size();
    wslay_event_queue_msg(context_, &out);
    flush();
}

void WebSocketClientSession::close(std::uint16_t code, std::string_view reason) {
    wslay_event_queue_close(context_, code, reinterpret_cast<const std::uint8_t*>(reason.data()), reason.size());
    flush();
}

void WebSocketClientSession::flush() {
    wslay_event_send(context_);
}

std::string new_websocket_key() {
    std::array<unsigned char, 16> bytes{};
    ::randombytes_buf(bytes.data(), bytes.size());
    std::array<char, sodium_base64_ENCODED_LEN(16, sodium_base64_VARIANT_ORIGINAL)> text{};
    sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_ORIGINAL);
    return text.data();
}

std::shared_ptr<WebSocketHandler> forward_websocket(std::shared_ptr<ServicePipe> pipe, std::string first) {
    return std::make_shared<Forwarded>(std::move(pipe), std::move(first));
}

}  // namespace windlass::api
