#include "api/front/websocket_session.h"

#include <wslay/wslay.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "shared/json.h"
#include "shared/result.h"

namespace windlass::api {
namespace {

constexpr std::size_t longest_control_bytes = 125;
constexpr std::size_t longest_reason_bytes = longest_control_bytes - 2;  // the code takes two

const std::uint8_t* bytes_of(std::string_view text) {
    return reinterpret_cast<const std::uint8_t*>(text.data());
}

std::string_view cut_between_characters(std::string_view text, std::size_t most) {
    if (text.size() <= most) return text;
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
    return text.substr(0, most);
}

// Where the head of a frame ends, and what it says of the rest (RFC 6455 section 5.2). No bytes: it is not whole.
struct FrameHead {
    std::size_t bytes = 0;
    std::uint64_t payload_bytes = 0;
    bool is_control = false;
};
FrameHead head_of(std::string_view frame) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(frame[at]); };
    if (frame.size() < 2) return {};
    const std::uint64_t length = byte(1) & 0x7FU;
    const std::size_t length_bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
    FrameHead head{2 + length_bytes + ((byte(1) & 0x80U) != 0 ? 4 : 0), length, wslay_is_ctrl_frame(byte(0)) != 0};
    if (frame.size() < head.bytes) return {};
    for (std::size_t i = 0; i < length_bytes; ++i)
        head.payload_bytes = (i == 0 ? 0 : head.payload_bytes << 8U) | byte(2 + i);
    return head;
}

}  // namespace

// What wslay calls; it knows the session as user_data.
struct WebSocketSession::Callbacks {
    static WebSocketSession& of(void* session) { return *static_cast<WebSocketSession*>(session); }

    static ssize_t receive(wslay_event_context_ptr context, std::uint8_t* to, std::size_t size, int, void* session) {
        auto& input = of(session).input_;
        if (input.empty()) {
            ::wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
            return -1;
        }
        const auto count = std::min(size, input.size());
        std::memcpy(to, input.data(), count);
        input.remove_prefix(count);
        return static_cast<ssize_t>(count);
    }
    static ssize_t send(wslay_event_context_ptr, const std::uint8_t* from, std::size_t size, int, void* session) {
        of(session).output_.append(reinterpret_cast<const char*>(from), size);
        return static_cast<ssize_t>(size);
    }
    static void frame_start(wslay_event_context_ptr, const wslay_event_on_frame_recv_start_arg* frame, void* session) {
        of(session).on_frame_start(frame->opcode, frame->payload_length);
    }
    static void frame_chunk(wslay_event_context_ptr, const wslay_event_on_frame_recv_chunk_arg* chunk, void* session) {
        auto& self = of(session);
        if (self.in_control_frame_ || self.phase_ != Phase::open) return;
        self.partial_.append(reinterpret_cast<const char*>(chunk->data), chunk->data_length);
    }
    static void frame_end(wslay_event_context_ptr, void* session) { ++of(session).frames_received_; }
    static void message(wslay_event_context_ptr context, const wslay_event_on_msg_recv_arg* message, void* session) {
        auto& self = of(session);
        if (message->opcode == WSLAY_PING) {
            ::wslay_event_send(context);  // the pong; a close that follows in the same read would overtake it
        } else if (message->opcode == WSLAY_CONNECTION_CLOSE) {
            if (self.phase_ != Phase::open) return;  // what we said first counts
            self.on_close(message->status_code, {reinterpret_cast<const char*>(message->msg), message->msg_length});
        } else if (message->opcode == WSLAY_TEXT_FRAME || message->opcode == WSLAY_BINARY_FRAME) {
            if (self.phase_ != Phase::open) return;
            const bool text = message->opcode == WSLAY_TEXT_FRAME;
            self.messages_->push_back({text ? WebSocketMessage::Kind::text : WebSocketMessage::Kind::binary,
                                       std::exchange(self.partial_, {})});
        }
    }
};

WebSocketSession::WebSocketSession(std::size_t largest_message_bytes) : largest_message_bytes_(largest_message_bytes) {
    const wslay_event_callbacks callbacks{.recv_callback = Callbacks::receive,
                                          .send_callback = Callbacks::send,
                                          .genmask_callback = nullptr,
                                          .on_frame_recv_start_callback = Callbacks::frame_start,
                                          .on_frame_recv_chunk_callback = Callbacks::frame_chunk,
                                          .on_frame_recv_end_callback = Callbacks::frame_end,
                                          .on_msg_recv_callback = Callbacks::message};
    const int made = ::wslay_event_context_server_init(&context_, &callbacks, this);
    WINDLASS_CHECK(made == 0, "there is no memory for a WebSocket");
    // wslay keeps each fragment in an allocation of its own: a message of one-byte fragments would cost fifty times its
    // size. Here they are joined as they come.
    ::wslay_event_config_set_no_buffering(context_, 1);
}

WebSocketSession::~WebSocketSession() {
    ::wslay_event_context_free(context_);
}

void WebSocketSession::on_frame_start(std::uint8_t opcode, std::uint64_t payload_bytes) {
    in_control_frame_ = wslay_is_ctrl_frame(opcode) != 0;
    if (in_control_frame_ || phase_ != Phase::open) return;
    if (payload_bytes > largest_message_bytes_ - partial_.size())
        fail(websocket_close::too_big,
             "a message here has at most " + std::to_string(largest_message_bytes_) + " bytes");
}

// wslay lets a payload of one byte pass.
void WebSocketSession::on_close(std::uint16_t code, std::string_view payload) {
    if (payload.size() == 1) {
        close_fault_ = websocket_close::protocol_error;
        return;
    }
    payload.remove_prefix(std::min<std::size_t>(2, payload.size()));
    if (to_valid_utf8(payload) != payload) {
        close_fault_ = websocket_close::invalid_payload;
    } else {
        end_ = {code == 0 ? websocket_close::no_status : code, std::string(payload)};
    }
}

// wslay looks at the reason of a close piece by piece, and passes over the first two bytes of each: cut within it, a
// good reason is none and a bad one good. So it gets heads and control frames whole; they are short.
void WebSocketSession::receive(std::string_view bytes, std::vector<WebSocketMessage>& messages) {
    messages_ = &messages;
    while (!bytes.empty() && phase_ != Phase::closed) {
        if (payload_left_ > 0) {
            const auto piece = bytes.substr(0, std::min<std::uint64_t>(payload_left_, bytes.size()));
            payload_left_ -= piece.size();
            bytes.remove_prefix(piece.size());
            hand_on(piece);
            continue;
        }
        frame_ += bytes.front();
        bytes.remove_prefix(1);
        const auto head = head_of(frame_);
        if (head.bytes == 0) continue;
        // A longer one cannot be; that is for wslay to refuse.
        const bool whole = head.is_control && head.payload_bytes <= longest_control_bytes;
        if (whole && frame_.size() < head.bytes + head.payload_bytes) continue;
        if (!whole) payload_left_ = head.payload_bytes;
        hand_on(std::exchange(frame_, {}));
    }
    messages_ = nullptr;
}

void WebSocketSession::hand_on(std::string_view bytes) {
    input_ = bytes;
    const int result = ::wslay_event_recv(context_);
    input_ = {};
    // A frame that cannot be: wslay would answer with a close without a code.
    if (result != 0) close_fault_ = websocket_close::protocol_error;
    if (close_fault_ != 0 && phase_ != Phase::closed) answer_fault();
    flush();
}

// In place of the close that wslay has in mind.
void WebSocketSession::answer_fault() {
    ::wslay_event_shutdown_write(context_);
    if (phase_ == Phase::open) {
        output_ += {'\x88', 2, static_cast<char>(close_fault_ >> 8U), static_cast<char>(close_fault_)};
        end_ = {close_fault_, {}};
    }
    partial_ = {};
    phase_ = Phase::closed;
}

void WebSocketSession::send(WebSocketMessage::Kind kind, std::string_view data) {
    if (phase_ != Phase::open) return;
    const bool text = kind == WebSocketMessage::Kind::text;
    const wslay_event_msg message{static_cast<std::uint8_t>(text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME),
                                  bytes_of(data), data.size()};
    ::wslay_event_queue_msg(context_, &message);
    flush();
}

void WebSocketSession::ping() {
    if (phase_ != Phase::open) return;
    const wslay_event_msg message{WSLAY_PING, nullptr, 0};
    ::wslay_event_queue_msg(context_, &message);
    flush();
}

void WebSocketSession::close(std::uint16_t code, std::string_view reason) {
    if (phase_ != Phase::open) return;
    reason = cut_between_characters(reason, longest_reason_bytes);
    ::wslay_event_queue_close(context_, code, bytes_of(reason), reason.size());
    end_ = {code, std::string(reason)};
    partial_ = {};
    phase_ = Phase::closing;
    flush();
}

// Inside wslay_event_recv(), which ends after this.
void WebSocketSession::fail(std::uint16_t code, std::string_view reason) {
    ::wslay_event_queue_close(context_, code, bytes_of(reason), reason.size());
    ::wslay_event_shutdown_read(context_);
    end_ = {code, std::string(reason)};
    partial_ = {};
    phase_ = Phase::closed;
}

void WebSocketSession::flush() {
    ::wslay_event_send(context_);  // our side of it takes everything
    settle();
}

void WebSocketSession::settle() {
    if (phase_ == Phase::closed || ::wslay_event_get_read_enabled(context_) != 0) return;
    // wslay reads no more: the client has said close, or has broken a rule and was told which.
    if (phase_ == Phase::open && ::wslay_event_get_close_received(context_) == 0)
        end_ = {::wslay_event_get_status_code_sent(context_), {}};
    partial_ = {};
    phase_ = Phase::closed;
}

std::string WebSocketSession::take_output() {
    return std::exchange(output_, {});
}

}  // namespace windlass::api
