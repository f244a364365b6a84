#include "api/line_feed.h"

#include <algorithm>
#include <string_view>

#include "api/job_stream.h"

namespace windlass::api {

void LineFeed::on_open(const WebSocketPeer& peer) {
    peer_.emplace(peer);
    source_->attach([peer] { peer.wake(); });
    tell(false);
}

void LineFeed::on_message(WebSocketMessage) {
    peer_->close(websocket_close::unsupported_data, "this WebSocket only tells");
}

void LineFeed::on_wake() {
    under_way_ = false;
    tell(false);
}

void LineFeed::on_heartbeat() {
    if (!under_way_) tell(true);
}

void LineFeed::on_close(std::uint16_t, std::string_view) {
    source_.reset();
}

void LineFeed::tell(bool heartbeat) {
    if (!source_) return;
    std::string lines;
    bool more = false;
    try {
        more = heartbeat ? source_->heartbeat(lines) : source_->next(lines);
    } catch (const RightsLost& lost) {
        source_.reset();
        return peer_->close(websocket_close::policy_violation, lost.what());
    }
    std::string_view rest = lines;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size());
        peer_->send_text(std::string(rest.substr(0, end)));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (!more) {
        source_.reset();
        return peer_->close(websocket_close::normal, end_reason_);
    }
    if (lines.empty()) return;
    under_way_ = true;
    peer_->wake();
}

}  // namespace windlass::api
