#include "api/front/websocket_calls.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "api/front/httplib_adapter.h"
#include "api/front/websocket_outbox.h"

namespace windlass::api {
namespace {

// One client that sends much keeps a thread from the others for no longer than this.
constexpr std::size_t largest_batch = 16;

std::size_t size_of(const WebSocketCalls::Call& call) {
    const auto* message = std::get_if<WebSocketMessage>(&call);
    return sizeof call + (message ? message->data.size() : 0);
}

}  // namespace

void WebSocketCalls::add(Call call) {
    if (std::holds_alternative<Woken>(call) && std::exchange(wake_pending_, true)) return;
    pending_bytes_ += size_of(call);
    pending_.push_back(std::move(call));
}

bool WebSocketCalls::begin() {
    if (running_ || pending_.empty()) return false;
    running_ = true;
    wake_pending_ = false;
    const auto count = static_cast<std::ptrdiff_t>(std::min(largest_batch, pending_.size()));
    batch_.assign(std::make_move_iterator(pending_.begin()), std::make_move_iterator(pending_.begin() + count));
    pending_.erase(pending_.begin(), pending_.begin() + count);
    batch_bytes_ = 0;
    for (const auto& call : batch_) {
        batch_bytes_ += size_of(call);
    }
    pending_bytes_ -= batch_bytes_;
    return true;
}

void WebSocketCalls::end() {
    running_ = false;
    batch_bytes_ = 0;
}

bool WebSocketCalls::run(std::string_view request_id) {
    for (auto& one : batch_) {
        if (failed_ && !std::holds_alternative<Closed>(one)) continue;
        try {
            call(one);
        } catch (...) {
            failed_ = true;
            log_front_error("the handler of a WebSocket threw", request_id, current_exception_text());
        }
    }
    batch_.clear();
    return !failed_;
}

void WebSocketCalls::call(Call& call) {
    if (std::holds_alternative<Opened>(call)) return handler_->on_open(WebSocketPeer(outbox_));
    if (std::holds_alternative<Woken>(call)) return handler_->on_wake();
    if (std::holds_alternative<Heartbeat>(call)) return handler_->on_heartbeat();
    if (auto* message = std::get_if<WebSocketMessage>(&call)) return handler_->on_message(std::move(*message));
    const auto& closed = std::get<Closed>(call);
    handler_->on_close(closed.code, closed.reason);
}

}  // namespace windlass::api
