// Where cpp-httplib is: the only part that includes httplib.h. It parses a request line, routes, and writes heads of
// answers; it never sees a socket, a client's header or a body.
//
// Why so little: version 0.11.4 has known faults in reading headers, ranges, compressed, chunked, form and multipart
// bodies (CVE-2025-46728, -53628, -66570, CVE-2026-22776, -28434, -34441 and others). The framer has read all of that
// strictly by then, so cpp-httplib gets the request line and an empty head.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/front/answer.h"
#include "api/front/exchange.h"
#include "api/front/http_framer.h"

namespace windlass::api {

// One per thread; not re-entrant.
class HttplibAdapter {
  public:
    // All four must outlive the adapter. The functions may be called on any thread of the front; once `draining` is
    // set, every answer closes its connection. `hsts_s`: clients that speak TLS are told to keep to it for so long (RFC
    // 6797); 0: they are not.
    HttplibAdapter(const Handler& handler, const ErrorRenderer& errors, const std::vector<std::string>& allowed_origins,
                   const std::atomic<bool>& draining, std::int64_t hsts_s = 0);
    ~HttplibAdapter();
    HttplibAdapter(const HttplibAdapter&) = delete;
    HttplibAdapter& operator=(const HttplibAdapter&) = delete;

    // Runs `next`, or the handler if it is null, and writes its answer. An exception becomes a 500 with the request id
    // for the client and a line with the text on stderr.
    std::variant<Answer, Later> run(const FramedRequest& framed, const Next* next, bool keep_alive);
    // An error of the front itself, in the shape of the application.
    Answer refuse(int status, std::string_view detail, const FramedRequest& about, bool keep_alive);

  private:
    class Server;
    std::unique_ptr<Server> server_;
};

// One line on stderr, control characters replaced.
void log_front_error(std::string_view what, std::string_view request_id, std::string_view detail);

// Inside a catch: what is known about the exception.
std::string current_exception_text();

// A piece of a stream in chunked framing (RFC 9112 section 7.1), and its end.
void append_chunk(std::string& out, std::string_view piece);
void append_last_chunk(std::string& out);

}  // namespace windlass::api
