// The start of a WebSocket: RFC 6455 section 4.2, by the letter. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/front/exchange.h"
#include "api/front/http_framer.h"

namespace windlass::api {

struct Handshake {
    int status = 101;                                          // else: an ordinary answer with
    std::string detail;                                        // this sentence
    std::vector<std::pair<std::string, std::string>> headers;  // and these headers, which 101 has too
};

// Whether this request, which may have a WebSocket, asks for one in the right way. 426: it does not ask, or for another
// version; 400: it asks badly; 403: for a page that has no business here (see origin.h). `protocols`: what the handler
// speaks; the first one in the client's order is taken, and none is no fault.
Handshake judge_handshake(const FramedRequest& framed, const std::vector<std::string>& protocols,
                          const std::vector<std::string>& allowed_origins);

// The answer to Sec-WebSocket-Key.
std::string websocket_accept(std::string_view key);

}  // namespace windlass::api
