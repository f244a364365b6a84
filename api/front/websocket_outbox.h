// What handlers send on one WebSocket, on its way to the loop. Any thread; the loop takes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/front/websocket.h"

namespace windlass::api {

class WebSocketOutbox {
  public:
    // `notify`: there is something to take. Called under the lock, from any thread; must be cheap. `limit_bytes`: of
    // what was sent and the kernel has not taken.
    WebSocketOutbox(std::size_t limit_bytes, std::function<void()> notify)
        : limit_bytes_(limit_bytes), notify_(std::move(notify)) {}

    bool send(WebSocketMessage::Kind kind, std::shared_ptr<const std::string> data);
    void close(std::uint16_t code, std::string reason);
    void wake();

    // ---- loop
    struct Frame {
        WebSocketMessage::Kind kind = WebSocketMessage::Kind::text;
        std::shared_ptr<const std::string> data;
    };
    struct Close {
        std::uint16_t code = websocket_close::normal;
        std::string reason;
    };
    struct Taken {
        std::vector<Frame> frames;
        std::optional<Close> close;  // after the frames
        bool wake = false;
        bool too_much = false;  // the limit was exceeded: nothing is sent any more
    };
    Taken take();
    void set_unsent_bytes(std::size_t bytes);  // taken from here, not yet by the kernel
    void end();                                // nothing reaches the client any more

  private:
    void notify_once();

    const std::size_t limit_bytes_;
    const std::function<void()> notify_;
    std::mutex mutex_;
    Taken waiting_;
    std::size_t waiting_bytes_ = 0;
    std::size_t unsent_bytes_ = 0;
    bool notified_ = false;
    bool over_ = false;
};

}  // namespace windlass::api
