// Bytes from a client, as HTTP (api/front/http_framer.h).
//
// Promises: the cuts into reads change nothing; what was accepted keeps to the limits; and cpp-httplib, reading the
// same bytes by itself, sees the same requests: as many, with the same method, path and body. A difference there is how
// requests are smuggled past a proxy.
//
// Where the two differ on purpose, the comparison goes no further on that connection:
// - A body belongs to its request whatever the method. cpp-httplib leaves that of GET, HEAD and OPTIONS in the stream
//   and would read it as the next request.
// - No length: no body (RFC 9112 section 6.3). cpp-httplib reads the body of a POST without a length up to the end of
// the
//   connection.
// - One empty line before a request is skipped (RFC 9112 section 2.2). cpp-httplib answers 400.
// - cpp-httplib takes multipart bodies apart while it reads them, refuses forms beyond 8 KiB, and answers 416 to a
// Range
//   that it cannot read, before the body.
// - A query may have question marks in it (RFC 3986 section 3.4). cpp-httplib answers 400.
// - A connection that is to be closed ends with that request.
#include <httplib.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "api/front/http_framer.h"
#include "api/front/target.h"
#include "shared/json.h"
#include "tests/fuzz/target.h"

namespace windlass::fuzz {
namespace {

using api::FramedRequest;
using api::HttpFramer;

// Small ones, so that they are reached.
const api::FrontLimits& limits() {
    static const api::FrontLimits small = [] {
        api::FrontLimits l;
        l.request_line_bytes = 512;
        l.target_bytes = 256;
        l.head_bytes = 1024;
        l.header_count = 16;
        l.body_bytes = 2048;
        return l;
    }();
    return small;
}

struct Reading {
    std::vector<FramedRequest> requests;
    std::vector<std::string_view> bytes;  // of each request
    HttpFramer::Phase phase = HttpFramer::Phase::idle;
    int status = 0;
    std::string detail;
};

class Reader {
  public:
    explicit Reader(std::string_view whole) : whole_(whole) {}

    bool take(std::string_view piece) {
        while (!piece.empty() || framer_.phase() == HttpFramer::Phase::complete) {
            const auto step = framer_.feed(piece);
            require(step.consumed <= piece.size(), "the framer takes no more than it is given");
            at_ += step.consumed;
            piece.remove_prefix(step.consumed);
            if (step.progress == HttpFramer::Progress::refused) return false;
            if (step.progress == HttpFramer::Progress::need_more) {
                require(piece.empty(), "a framer that needs more has taken all");
                return true;
            }
            auto request = framer_.take();
            reading_.bytes.push_back(whole_.substr(begin_, at_ - begin_));
            begin_ = at_;
            const bool goes_on = request.keep_alive;
            reading_.requests.push_back(std::move(request));
            if (!goes_on) return false;
        }
        return true;
    }
    Reading result() && {
        reading_.phase = framer_.phase();
        if (reading_.phase == HttpFramer::Phase::refused) {
            reading_.status = framer_.refusal().status;
            reading_.detail = framer_.refusal().detail;
        }
        return std::move(reading_);
    }

  private:
    std::string_view whole_;
    HttpFramer framer_{limits()};
    Reading reading_;
    std::size_t begin_ = 0, at_ = 0;
};

Reading read_in_cuts(std::string_view input) {
    Reader reader(input);
    in_cuts(input, [&](std::string_view piece) { return reader.take(piece); });
    return std::move(reader).result();
}

Reading read_whole(std::string_view input) {
    Reader reader(input);
    reader.take(input);
    return std::move(reader).result();
}

void require_same(const Reading& a, const Reading& b) {
    require(a.requests.size() == b.requests.size(), "the cuts do not change how many requests there are");
    require(a.phase == b.phase && a.status == b.status && a.detail == b.detail,
            "the cuts do not change how the reading ends", a.detail + " / " + b.detail);
    for (std::size_t i = 0; i < a.requests.size(); ++i) {
        const auto& one = a.requests[i];
        const auto& two = b.requests[i];
        require(one.request.method == two.request.method && one.request.target == two.request.target &&
                    one.request.path == two.request.path && one.request.query == two.request.query &&
                    one.request.headers == two.request.headers && one.request.body == two.request.body &&
                    one.keep_alive == two.keep_alive && one.http_1_0 == two.http_1_0 && a.bytes[i] == b.bytes[i],
                "the cuts do not change a request");
    }
}

void require_within_limits(const FramedRequest& framed) {
    const auto& request = framed.request;
    require(request.body.size() <= static_cast<std::size_t>(limits().body_bytes), "a body keeps to its limit");
    require(request.headers.size() <= static_cast<std::size_t>(limits().header_count), "headers keep to their limit");
    require(
        request.path.starts_with('/') && request.path.find('\0') == std::string::npos && is_valid_utf8(request.path),
        "a path is text that begins with a slash", request.path);
    for (const auto& [name, value] : request.query)
        require(is_valid_utf8(name) && is_valid_utf8(value), "a query is text");
    for (const auto& [name, value] : request.headers)
        require(!name.empty() && value.find_first_of(std::string_view("\0\r\n", 3)) == std::string::npos,
                "a header is one line", name);
}

class MemoryStream final : public httplib::Stream {
  public:
    explicit MemoryStream(std::string_view in) : in_(in) {}
    bool is_readable() const override { return !in_.empty(); }
    bool is_writable() const override { return true; }
    ssize_t read(char* to, std::size_t size) override {
        const auto count = std::min(size, in_.size());
        std::memcpy(to, in_.data(), count);
        in_.remove_prefix(count);
        return static_cast<ssize_t>(count);
    }
    ssize_t write(const char*, std::size_t size) override { return static_cast<ssize_t>(size); }
    void get_remote_ip_and_port(std::string& ip, int& port) const override { ip.clear(), port = 0; }
    void get_local_ip_and_port(std::string& ip, int& port) const override { ip.clear(), port = 0; }
    socket_t socket() const override { return -1; }
    bool empty() const { return in_.empty(); }

  private:
    std::string_view in_;
};

// cpp-httplib with its own head and body parsers, and no routes: each request ends in its logger.
class Library final : public httplib::Server {
  public:
    struct Seen {
        bool answered = false;
        bool closes = false;
        int status = 0;
        std::string method, path, body;
        bool multipart = false;
    };
    Library() {
        set_logger([this](const httplib::Request& request, const httplib::Response& response) {
            seen_.answered = true;
            seen_.status = response.status;
            seen_.method = request.method;
            seen_.path = request.path;
            seen_.body = request.body;
            seen_.multipart = request.is_multipart_form_data();
        });
    }
    Seen next(MemoryStream& stream) {
        seen_ = {};
        process_request(stream, false, seen_.closes, {});
        return seen_;
    }

  private:
    Seen seen_;
};

bool says_length(const api::Request& request) {
    return !request.header("Content-Length").empty() || !request.header("Transfer-Encoding").empty();
}

// False: the comparison ends here.
bool compare(const FramedRequest& framed, const Library::Seen& seen) {
    const auto& ours = framed.request;
    require(seen.answered, "cpp-httplib reads a request where the framer does");
    if (seen.status == 400 && std::count(ours.target.begin(), ours.target.end(), '?') > 1) return false;
    require(seen.method == ours.method, "the same method", seen.method + " / " + ours.method);
    require(seen.path == ours.path, "the same path", seen.path + " / " + ours.path);
    require(framed.http_1_0 || !seen.closes || !framed.keep_alive, "what cpp-httplib closes is not kept open");
    if (seen.status == 416 && !ours.header("Range").empty()) return false;
    if (seen.multipart || (seen.status == 413 && says_length(ours))) return false;
    require(seen.status == 404, "cpp-httplib refuses nothing that the framer accepts", std::to_string(seen.status));
    const bool takes_body =
        ours.method == "POST" || ours.method == "PUT" || ours.method == "PATCH" || ours.method == "DELETE";
    if (!takes_body) return !says_length(ours);
    if (!says_length(ours)) return false;
    require(seen.body == ours.body, "the same body", seen.body + " / " + ours.body);
    return true;
}

void compare_with_library(const Reading& reading) {
    std::string bytes;
    for (const auto piece : reading.bytes) bytes += piece.starts_with("\r\n") ? piece.substr(2) : piece;
    static Library library;
    MemoryStream stream(bytes);
    for (const auto& framed : reading.requests)
        if (!compare(framed, library.next(stream))) return;
    require(stream.empty(), "cpp-httplib reads as many bytes as the framer");
}

}  // namespace

void fuzz_http_framing(std::string_view input) {
    const auto reading = read_whole(input);
    require_same(reading, read_in_cuts(input));
    for (const auto& framed : reading.requests) require_within_limits(framed);
    if (reading.status != 0)
        require(reading.status >= 400 && reading.status < 600 && !reading.detail.empty(), "a refusal says why");
    if (!reading.requests.empty()) compare_with_library(reading);
}

}  // namespace windlass::fuzz
