// What goes out on a connection for one request: the head as bytes, the body beside it (never copied into the head).
#pragma once

#include <memory>
#include <string>

#include "api/front/exchange.h"

namespace windlass::api {

struct Answer {
    std::string head;
    std::string body;                     // in chunked framing already, if the answer is a stream
    std::shared_ptr<ChunkSource> stream;  // more pieces follow
    bool keep_alive = true;
    // After the head the connection is a WebSocket.
    std::shared_ptr<WebSocketHandler> websocket = nullptr;
};

}  // namespace windlass::api
