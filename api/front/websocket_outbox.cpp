#include "api/front/websocket_outbox.h"

#include <utility>

namespace windlass::api {

bool WebSocketOutbox::send(WebSocketMessage::Kind kind, std::shared_ptr<const std::string> data) {
    const std::lock_guard lock(mutex_);
    if (over_) return false;
    waiting_bytes_ += data->size();
    if (waiting_bytes_ + unsent_bytes_ > limit_bytes_) {
        over_ = true;
        waiting_.too_much = true;
        waiting_.frames = {};
        waiting_bytes_ = 0;
    } else {
        waiting_.frames.push_back({kind, std::move(data)});
    }
    notify_once();
    return !over_;
}

void WebSocketOutbox::close(std::uint16_t code, std::string reason) {
    const std::lock_guard lock(mutex_);
    if (std::exchange(over_, true)) return;
    waiting_.close = Close{code, std::move(reason)};
    notify_once();
}

void WebSocketOutbox::wake() {
    const std::lock_guard lock(mutex_);
    if (over_) return;
    waiting_.wake = true;
    notify_once();
}

void WebSocketOutbox::notify_once() {
    if (!std::exchange(notified_, true)) notify_();
}

WebSocketOutbox::Taken WebSocketOutbox::take() {
    const std::lock_guard lock(mutex_);
    notified_ = false;
    unsent_bytes_ += std::exchange(waiting_bytes_, 0);
    return std::exchange(waiting_, {});
}

void WebSocketOutbox::set_unsent_bytes(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    unsent_bytes_ = bytes;
}

void WebSocketOutbox::end() {
    Taken dropped;
    const std::lock_guard lock(mutex_);
    over_ = true;
    dropped = std::exchange(waiting_, {});
    waiting_bytes_ = 0;
}

bool WebSocketPeer::send_text(std::string text) const {
    return send_text(std::make_shared<const std::string>(std::move(text)));
}

bool WebSocketPeer::send_text(std::shared_ptr<const std::string> text) const {
    return outbox_->send(WebSocketMessage::Kind::text, std::move(text));
}

bool WebSocketPeer::send_binary(std::string bytes) const {
    return outbox_->send(WebSocketMessage::Kind::binary, std::make_shared<const std::string>(std::move(bytes)));
}

void WebSocketPeer::close(std::uint16_t code, std::string reason) const {
    outbox_->close(code, std::move(reason));
}

void WebSocketPeer::wake() const {
    outbox_->wake();
}

}  // namespace windlass::api
