// The calls that one WebSocketHandler still gets, in order. The loop adds them and hands them to the pool some at a
// time, never two batches at once; what the pool has is the pool's until end(). Lives as long as the exchange:
// on_close() comes also when the connection is long gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/front/websocket.h"

namespace windlass::api {

class WebSocketOutbox;

class WebSocketCalls {
  public:
    struct Opened {};
    struct Woken {};
    struct Heartbeat {};
    struct Closed {
        std::uint16_t code = websocket_close::abnormal;
        std::string reason;
    };
    using Call = std::variant<Opened, WebSocketMessage, Woken, Heartbeat, Closed>;

    WebSocketCalls(std::shared_ptr<WebSocketHandler> handler, std::shared_ptr<WebSocketOutbox> outbox)
        : handler_(std::move(handler)), outbox_(std::move(outbox)) {}

    const std::shared_ptr<WebSocketOutbox>& outbox() const { return outbox_; }

    // ---- loop
    void add(Call call);
    bool begin();  // true: the pool has to run() now
    void end();    // it has
    // What the messages occupy that are not dealt with.
    std::size_t bytes() const { return pending_bytes_ + batch_bytes_; }

    // ---- pool
    // False: the handler threw; from then on it gets on_close() only.
    bool run(std::string_view request_id);

  private:
    void call(Call& call);

    const std::shared_ptr<WebSocketHandler> handler_;
    const std::shared_ptr<WebSocketOutbox> outbox_;
    std::vector<Call> pending_;
    std::size_t pending_bytes_ = 0;
    bool wake_pending_ = false;
    bool running_ = false;
    std::vector<Call> batch_;  // of the pool while running_
    std::size_t batch_bytes_ = 0;
    bool failed_ = false;  // of the pool
};

}  // namespace windlass::api
