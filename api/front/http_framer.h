// Finds where one HTTP/1 request ends and the next begins (RFC 9112), within limits. Pure: bytes in, requests out; no
// socket, no clock (and no file, unless the limits have a spool). The same bytes give the same answer however they are
// cut into reads.
//
// Everything on which two parsers may disagree is refused, because that is what request smuggling is made of: bare LF
// or CR, folded lines, space before the colon, two Content-Length, Content-Length with Transfer-Encoding, codings other
// than chunked, chunk extensions, trailers. A body is de-chunked here, and belongs to its request whatever the method.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/front/exchange.h"
#include "api/front/front.h"

namespace windlass::api {

// A whole request. remote_address and id of `request` are left empty: the connection knows them.
struct FramedRequest {
    Request request;
    std::string raw_path;  // as sent, still encoded, without the query
    bool http_1_0 = false;
    bool keep_alive = true;  // what the client asked for
};

// Why a request is not served. Nothing after it on the connection can be trusted: answer and close.
struct Refusal {
    int status = 400;
    std::string detail;  // a sentence
    std::string path;    // decoded, if it was known by then
};

class HttpFramer {
  public:
    enum class Progress { need_more, complete, refused };
    struct Step {
        Progress progress = Progress::need_more;
        std::size_t consumed = 0;  // bytes of the input that belong to this request; need_more: all of them
    };
    enum class Phase { idle, head, body, complete, refused };

    // The limits must outlive the framer.
    explicit HttpFramer(const FrontLimits& limits) : limits_(limits) {}

    // Goes on until a request is complete, is refused, or the bytes run out. After complete: take() first.
    Step feed(std::string_view bytes);
    FramedRequest take();

    Phase phase() const;
    const Refusal& refusal() const { return refusal_; }
    // True once per request: its head was accepted, it asks for "100 Continue" and its body has not begun to arrive.
    bool take_continue();
    // Bytes of the unfinished (or untaken) request held in memory.
    std::size_t buffered() const { return partial_line_.size() + head_bytes_held_ + framed_.request.body.size(); }
    // Bytes of the body that have come, wherever they are.
    std::int64_t body_received() const;

  private:
    enum class State {
        request_line,
        header,
        sized_body,
        chunk_size,
        chunk_data,
        chunk_end,
        last_chunk,
        complete,
        refused
    };

    bool refuse(int status, std::string detail);
    // Takes one line (with its CRLF) from the input; empty view and no refusal: not there yet.
    std::string_view next_line(std::string_view& input);
    bool within_line_limits(std::size_t size);
    bool take_line(std::string_view& input);
    bool may_begin_request(char first);
    bool take_request_line(std::string_view line);
    bool take_method(std::string_view method);
    bool take_header(std::string_view line);
    bool take_framing_header(std::string_view name, std::string_view value);
    bool take_content_length(std::string_view value);
    bool take_transfer_encoding(std::string_view value);
    void take_connection(std::string_view value);
    bool end_head();
    bool take_chunk_size(std::string_view line);
    bool take_body(std::string_view& input);
    bool keep(std::string_view bytes);
    bool begin_body();

    const FrontLimits& limits_;
    State state_ = State::request_line;
    FramedRequest framed_;
    Refusal refusal_;
    std::string partial_line_;
    std::int64_t head_bytes_ = 0;      // of the current head, up to the last whole line
    std::size_t head_bytes_held_ = 0;  // what the parsed head occupies, roughly
    std::int32_t header_count_ = 0;
    std::shared_ptr<SpooledBody> spooled_;  // null: the body stays in memory
    std::int64_t body_limit_ = 0;
    std::int64_t body_left_ = 0;        // of the body, or of the current chunk
    std::int64_t content_length_ = -1;  // -1: none
    bool chunked_ = false;
    bool hosts_seen_ = false;
    bool content_type_seen_ = false;
    bool authorization_seen_ = false;
    bool expects_continue_ = false;
    bool skipped_empty_line_ = false;
};

}  // namespace windlass::api
