// One HTTP request and its answer, as the front and the handlers see them. Everything about sockets stays in the front,
// everything about resources stays in the handlers; they meet here.
//
// A handler runs on one of the front's few threads and never waits there. When it needs something that takes time (the
// scheduler, a password hash, the end of a job) it returns Later: the thread is free again, and the connection costs a
// buffer until somebody calls the Resumer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "shared/time.h"

namespace windlass::api {

class SpooledBody;

// Valid as long as the exchange lives (until its Reply is complete), also across Later.
struct Request {
    std::string method;  // "GET", upper case; HEAD arrives as HEAD and the front drops the body of the answer
    std::string path;    // percent-decoded once, without the query; "/api/jobs/submit/"
    std::string target;  // as sent, with the query
    std::vector<std::pair<std::string, std::string>> query;    // decoded, in order, repeated keys kept
    std::vector<std::pair<std::string, std::string>> headers;  // as sent, in order
    std::string body;                                          // whole, de-chunked; empty if it is in spooled
    std::shared_ptr<const SpooledBody> spooled;                // the body of an upload, on disk; null: none
    std::string remote_address;   // of the socket (or from a trusted proxy), never from a client's header
    bool secure = false;          // the client spoke TLS, to us or to a trusted proxy
    std::string scheme = "http";  // "https" or "http", as the client saw it
    std::string host;             // with the port, if any, as the client wrote it: for links, never for decisions
    std::string id;               // request id: in the answer's X-Request-Id, in errors and in the log

    // First value of the header, name compared without case; empty if absent.
    std::string_view header(std::string_view name) const;
    std::string_view cookie(std::string_view name) const;  // value as sent (quotes kept); empty if absent
};

// Pulled by the front, one piece at a time, when the client has taken the piece before: constant memory however long
// the answer. All three run on front threads, never two at a time. The source is destroyed as soon as the client has
// gone or has been told all, on whatever thread.
class ChunkSource {
  public:
    // Ends the wait of a source that had nothing. Any thread, any number of times, also when nobody waits or the client
    // has gone: then nothing happens. Cheap: may be called for every byte.
    using Wake = std::function<void()>;

    virtual ~ChunkSource() = default;
    // Once, before the first next().
    virtual void attach(Wake) {}
    // Appends a piece. False: that was all (the piece may be empty). True without a byte: nothing now; it is asked
    // again after Wake, and the connection costs no thread until then. What it throws breaks the answer off: the client
    // sees that it is not complete.
    virtual bool next(std::string& out) = 0;
    // Nothing was sent for FrontLimits::heartbeat: like next(), for a sign of life and for looking after oneself.
    virtual bool heartbeat(std::string& out) { return next(out); }
};

struct Response {
    int status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::vector<std::pair<std::string, std::string>>
        headers;                          // e.g. {"Location", "/api/jobs/1/"}; several Set-Cookie allowed
    std::shared_ptr<ChunkSource> stream;  // set: body is empty and the pieces follow, chunked
};

// The client may have a WebSocket: the front judges its handshake and its Origin (RFC 6455; 400, 403 or 426 if they are
// not in order), and from then on the handler has the conversation. See websocket.h.
class WebSocketHandler;
struct Upgrade {
    std::shared_ptr<WebSocketHandler> handler;
    std::vector<std::string> protocols = {};  // subprotocols it speaks; the client's first choice among them is taken
};

struct Later;
using Reply = std::variant<Response, Later, Upgrade>;
using Next = std::function<Reply()>;

// Ends the wait of one exchange: `next` runs on a front thread and gives the answer (or another Later). Callable from
// any thread, copyable; the first call counts, later ones and calls after the client has gone are ignored.
class Resumer {
  public:
    explicit Resumer(std::function<void(Next)> wake) : wake_(std::move(wake)) {}
    void operator()(Next next) const { wake_(std::move(next)); }

  private:
    std::function<void(Next)> wake_;
};

// `start` is called once, on the front thread that got the Later, and arranges that the Resumer will be called. If
// nobody calls it within `deadline`, the front runs `on_deadline` instead.
struct Later {
    std::function<void(Resumer)> start;
    Milliseconds deadline{30'000};
    Next on_deadline;  // empty: 503 with Retry-After
};

// The whole server behind the front. Must not throw; if it does all the same, the client gets a 500 with the request id
// and the log gets the text.
using Handler = std::function<Reply(const Request&)>;

// Errors that the front itself has to answer (framing, limits, deadlines, overload) are rendered by the application, so
// that each family keeps its own error shape: status, a sentence, the path if it is known by then.
using ErrorRenderer =
    std::function<Response(int status, std::string_view detail, std::string_view path, std::string_view request_id)>;

}  // namespace windlass::api
