// Bytes from the client of a WebSocket (api/front/websocket_session.h, with wslay below it).
//
// Promises: the cuts into reads change nothing; a message keeps to its limit, and text is text; what goes out is whole
// frames that a server may send, a close last; once it is closed, it stays so.
#include <vector>

#include "api/front/websocket_session.h"
#include "shared/json.h"
#include "tests/api/front/websocket_frames.h"
#include "tests/fuzz/target.h"

namespace windlass::fuzz {
namespace {

using api::WebSocketMessage;
using api::WebSocketSession;

constexpr std::size_t limit = 300;

struct Reading {
    std::vector<WebSocketMessage> messages;
    std::string output;
    WebSocketSession::Phase phase = WebSocketSession::Phase::open;
    WebSocketSession::End end;
};

template <class Feed>
Reading read(Feed feed) {
    WebSocketSession session(limit);
    Reading reading;
    feed([&](std::string_view piece) {
        session.receive(piece, reading.messages);
        require(session.held_bytes() <= limit, "no more is held than a message may have");
        return true;
    });
    reading.output = session.take_output();
    reading.phase = session.phase();
    reading.end = session.end();
    if (reading.phase == WebSocketSession::Phase::closed) {
        session.send(WebSocketMessage::Kind::text, "too late");
        session.close(api::websocket_close::normal, "");
        require(session.take_output().empty(), "nothing is said after the close");
    }
    return reading;
}

void require_same(const Reading& a, const Reading& b) {
    require(a.messages.size() == b.messages.size(), "the cuts do not change how many messages there are");
    for (std::size_t i = 0; i < a.messages.size(); ++i)
        require(a.messages[i].kind == b.messages[i].kind && a.messages[i].data == b.messages[i].data,
                "the cuts do not change a message");
    require(a.output == b.output, "the cuts do not change what is answered");
    require(a.phase == b.phase && a.end.code == b.end.code && a.end.reason == b.end.reason,
            "the cuts do not change how it ends");
}

void require_frames(std::string output, bool closed) {
    unsigned last = 0;
    while (!output.empty()) {
        const auto sent = api::test::take_frame(output);
        require(sent.has_value(), "what goes out is whole frames");
        require(last != 8, "nothing goes out after the close");
        last = sent->opcode;
        require(last == 8 || last == 10, "without a handler there are pongs and a close");
        require(sent->payload.size() <= 125, "a control frame keeps to its limit");
        if (last == 8) require(is_valid_utf8(sent->close_reason()), "a reason is text");
    }
    require((last == 8) == closed, "a close goes out when it is closed, and only then");
}

}  // namespace

void fuzz_websocket_frames(std::string_view input) {
    const auto whole = read([&](auto take) { take(input); });
    require_same(whole, read([&](auto take) { in_cuts(input, take); }));
    for (const auto& message : whole.messages) {
        require(message.data.size() <= limit, "a message keeps to its limit");
        if (message.kind == WebSocketMessage::Kind::text) require(is_valid_utf8(message.data), "text is text");
    }
    require(is_valid_utf8(whole.end.reason), "the reason of the end is text");
    require_frames(whole.output, whole.phase == WebSocketSession::Phase::closed);
}

}  // namespace windlass::fuzz
