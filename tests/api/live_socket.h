// The client's side of a WebSocket in contract tests.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "api/front/websocket_outbox.h"
#include "api_fixture.h"

namespace windlass::api::test {

// A WebSocket without a front: the test makes the calls.
class Live {
  public:
    explicit Live(Answer answer) : handler_(std::move(answer.websocket)) {
        EXPECT_EQ(answer.status, 101) << answer.body;
        if (handler_) handler_->on_open(WebSocketPeer(outbox_));
    }
    // What the client has got since the last call: what it wakes for is done as the front does it. "close CODE REASON"
    // is the last line.
    std::string got() {
        std::string all;
        while (true) {
            auto taken = outbox_->take();
            for (const auto& frame : taken.frames) all += *frame.data + "\n";
            if (taken.close) return all + "close " + std::to_string(taken.close->code) + " " + taken.close->reason;
            if (!taken.wake) return all;
            handler_->on_wake();
        }
    }
    WebSocketHandler& handler() { return *handler_; }
    int notified() const { return *notified_; }

  private:
    std::shared_ptr<int> notified_ = std::make_shared<int>(0);
    std::shared_ptr<WebSocketOutbox> outbox_ =
        std::make_shared<WebSocketOutbox>(1'000'000, [notified = notified_] { ++*notified; });
    std::shared_ptr<WebSocketHandler> handler_;
};

}  // namespace windlass::api::test
