// A WebSocket that tells the lines of a source, each as a text message, at the client's pace: the source is asked for
// more when the client has taken what there was.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/front/exchange.h"
#include "api/front/websocket.h"

namespace windlass::api {

// Ends with 1000 when the source does, with 1008 when it throws RightsLost (job_stream.h). The client has nothing to
// say here: 1003.
class LineFeed final : public WebSocketHandler {
  public:
    // Every piece of the source is whole lines. `end_reason`: of the close at its end.
    LineFeed(std::shared_ptr<ChunkSource> source, std::string end_reason)
        : source_(std::move(source)), end_reason_(std::move(end_reason)) {}

    void on_open(const WebSocketPeer& peer) override;
    void on_message(WebSocketMessage message) override;
    void on_wake() override;
    void on_heartbeat() override;
    void on_close(std::uint16_t code, std::string_view reason) override;

  private:
    void tell(bool heartbeat);

    std::shared_ptr<ChunkSource> source_;  // null: it has ended
    const std::string end_reason_;
    std::optional<WebSocketPeer> peer_;
    bool under_way_ = false;  // the client has not taken all of the last piece
};

}  // namespace windlass::api
