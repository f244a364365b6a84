#include "api/front/httplib_adapter.h"

#include <httplib.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

#include "api/front/header_text.h"
#include "api/front/websocket_handshake.h"
#include "shared/result.h"

// process_request() is a protected member, not a promise: later versions take other parameters and add headers of their
// own.
static_assert(
    std::string_view(CPPHTTPLIB_VERSION) == "0.11.4",
    "cpp-httplib has another version than 0.11.4: compare Server::process_request and write_response_core with "
    "what httplib_adapter.cpp assumes, run the tests in tests/api/front, then change this line");

namespace windlass::api {
namespace {

// What cpp-httplib takes for a socket: reads what we prepared, keeps what it writes.
class MemoryStream final : public httplib::Stream {
  public:
    MemoryStream(std::string_view in, std::string& out, const std::string& remote_address)
        : in_(in), out_(out), remote_address_(remote_address) {}

    bool is_readable() const override { return !in_.empty(); }
    bool is_writable() const override { return true; }
    ssize_t read(char* to, std::size_t size) override {
        const auto count = std::min(size, in_.size());
        std::memcpy(to, in_.data(), count);
        in_.remove_prefix(count);
        return static_cast<ssize_t>(count);
    }
    ssize_t write(const char* from, std::size_t size) override {
        out_.append(from, size);
        return static_cast<ssize_t>(size);
    }
    void get_remote_ip_and_port(std::string& ip, int& port) const override {
        ip = remote_address_;
        port = 0;
    }
    void get_local_ip_and_port(std::string& ip, int& port) const override {
        ip.clear();
        port = 0;
    }
    socket_t socket() const override { return -1; }

  private:
    std::string_view in_;
    std::string& out_;
    const std::string& remote_address_;
};

// Said by the front alone; a handler that says them too would break the framing.
bool is_ours(std::string_view name) {
    static constexpr std::array<std::string_view, 8> ours{
        "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive",
        "Content-Type",   "X-Request-Id",      "Date",       "Strict-Transport-Security"};
    return std::any_of(ours.begin(), ours.end(), [&](std::string_view one) { return equal_without_case(one, name); });
}

// A control character in a header of an answer would let its source write the rest of the answer.
bool is_safe_header(std::string_view name, std::string_view value) {
    const auto clean = [](std::string_view text) {
        return std::none_of(text.begin(), text.end(), [](char c) {
            const auto byte = static_cast<unsigned char>(c);
            return (byte < 0x20 && byte != '\t') || byte == 0x7f;
        });
    };
    return !name.empty() && name.find_first_of(" :\t") == std::string_view::npos && clean(name) && clean(value);
}

bool has_header(const Response& response, std::string_view name) {
    return std::any_of(response.headers.begin(), response.headers.end(),
                       [&](const auto& header) { return equal_without_case(header.first, name); });
}

bool has_no_body(int status) {
    return status == 204 || status == 304;
}

}  // namespace

class HttplibAdapter::Server final : public httplib::Server {
  public:
    Server(const api::Handler& handler, const ErrorRenderer& errors, const std::vector<std::string>& allowed_origins,
           const std::atomic<bool>& draining, std::int64_t hsts_s)
        : handler_(handler), errors_(errors), allowed_origins_(allowed_origins), draining_(draining) {
        if (hsts_s > 0) strict_transport_ = "max-age=" + std::to_string(hsts_s);
        // Before cpp-httplib's own routes, which are a list of std::regex: recursive, and slow when there are many.
        set_pre_routing_handler([this](const httplib::Request&, httplib::Response& out) {
            answer(out);
            return HandlerResponse::Handled;
        });
        set_post_routing_handler([this](const httplib::Request&, httplib::Response& out) { correct_head(out); });
        // answer() lets nothing through; should it all the same, cpp-httplib would put the text into a header.
        set_exception_handler(
            [](const httplib::Request&, httplib::Response& out, std::exception_ptr) { out.status = 500; });
    }

    std::variant<Answer, Later> run(const FramedRequest& framed, const Next* next, bool keep_alive) {
        framed_ = &framed;
        next_ = next;
        ready_.reset();
        return process(keep_alive);
    }

    Answer write(const FramedRequest& framed, Response response, bool keep_alive) {
        framed_ = &framed;
        ready_ = std::move(response);
        return std::get<Answer>(process(keep_alive));
    }

    Response error(int status, std::string_view detail, std::string_view path, const std::string& id) const {
        Response out;
        try {
            out = errors_(status, detail, path, id);
        } catch (...) {
            log_front_error("rendering an error failed", id, current_exception_text());
            out = {status, "text/plain; charset=utf-8", std::string(detail) + "\n", {}, nullptr};
        }
        if (status == 503 && !has_header(out, "Retry-After")) out.headers.emplace_back("Retry-After", "1");
        if (status == 405 && !has_header(out, "Allow")) {
            out.headers.emplace_back("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        }
        return out;
    }

  private:
    std::variant<Answer, Later> process(bool keep_alive) {
        keep_alive_ = keep_alive;
        answer_ = {};
        later_.reset();
        upgrade_.reset();
        answered_ = false;
        in_.clear();
        if (framed_->request.method.empty()) {
            in_ += "GET / HTTP/1.1\r\n\r\n";  // refused before there was a request line
        } else {
            in_.append(framed_->request.method).append(" ").append(framed_->raw_path).append(" HTTP/1.1\r\n\r\n");
        }
        MemoryStream stream(in_, answer_.head, framed_->request.remote_address);
        bool closed = false;
        process_request(stream, !keep_alive, closed, {});
        WINDLASS_CHECK(answered_, "cpp-httplib refused a request line that the framer had accepted");
        if (later_) return *std::exchange(later_, std::nullopt);
        answer_.keep_alive = keep_alive_;
        if (upgrade_) switch_protocols();
        return std::move(answer_);
    }

    void answer(httplib::Response& out) {
        answered_ = true;
        Response response;
        if (ready_) {
            response = *std::exchange(ready_, std::nullopt);
        } else {
            auto reply = ask();
            if (auto* later = std::get_if<Later>(&reply)) {
                later_ = std::move(*later);
                return;  // what cpp-httplib writes now is thrown away
            }
            if (auto* upgrade = std::get_if<Upgrade>(&reply)) {
                handshake_ = judge_handshake(*framed_, upgrade->protocols, allowed_origins_);
                if (handshake_.status == 101) {
                    upgrade_ = std::move(*upgrade);
                    return;  // the same
                }
                response = refused_handshake();
            } else {
                response = std::get<Response>(std::move(reply));
            }
        }
        render(std::move(response), out);
    }

    Response refused_handshake() const {
        const auto& request = framed_->request;
        auto out = error(handshake_.status, handshake_.detail, request.path, request.id);
        out.headers.insert(out.headers.end(), handshake_.headers.begin(), handshake_.headers.end());
        return out;
    }

    void switch_protocols() {
        answer_.head = "HTTP/1.1 101 Switching Protocols\r\n";
        handshake_.headers.emplace_back("Date", date());
        if (!framed_->request.id.empty()) handshake_.headers.emplace_back("X-Request-Id", framed_->request.id);
        for (const auto& [name, value] : handshake_.headers) {
            answer_.head.append(name).append(": ").append(value).append("\r\n");
        }
        answer_.head += "\r\n";
        answer_.websocket = std::move(upgrade_->handler);
        answer_.keep_alive = true;
    }

    Reply ask() {
        const auto& id = framed_->request.id;
        try {
            auto reply = next_ ? (*next_)() : handler_(framed_->request);
            const auto* response = std::get_if<Response>(&reply);
            const auto* upgrade = std::get_if<Upgrade>(&reply);
            if (upgrade && !upgrade->handler) throw std::logic_error("an Upgrade without a handler");
            if (!response || (response->status >= 200 && response->status <= 599)) return reply;
            log_front_error("a handler answered with a status that is none", id, std::to_string(response->status));
        } catch (...) {
            log_front_error("a handler threw", id, current_exception_text());
        }
        return error(500,
                     "Something went wrong on our side; the log has the details under this request id: " + id + ".",
                     framed_->request.path, id);
    }

    // The body stays out of cpp-httplib: it would copy it, cut it into ranges or compress it.
    void render(Response response, httplib::Response& out) {
        const auto& request = framed_->request;
        const bool bodiless = has_no_body(response.status);
        const bool head_only = request.method == "HEAD";
        out.status = response.status;
        accepts_ranges_ = false;
        for (auto& [name, value] : response.headers) {
            if (is_ours(name)) continue;
            if (equal_without_case(name, "Accept-Ranges")) {
                accepts_ranges_ = true;  // correct_head() puts it back
            } else if (is_safe_header(name, value)) {
                out.headers.emplace(std::move(name), std::move(value));
            } else {
                log_front_error("a header of an answer has a character that is not allowed; left out", request.id,
                                name);
            }
        }
        if (!request.id.empty()) out.set_header("X-Request-Id", request.id);
        out.set_header("Date", date());
        if (request.secure && !strict_transport_.empty()) {
            out.set_header("Strict-Transport-Security", strict_transport_);
        }
        streaming_ = response.stream && !bodiless;
        sized_ = !bodiless && !streaming_;
        if (keep_alive_) {
            // Asked again after the handler: draining may have begun meanwhile. In HTTP/1.0 a stream ends with the
            // connection.
            keep_alive_ = !draining_ && !(framed_->http_1_0 && streaming_);
            if (!keep_alive_) out.set_header("Connection", "close");
            if (keep_alive_ && framed_->http_1_0) out.set_header("Connection", "keep-alive");
        }
        // RFC 9110 section 7.8: who names a protocol in Upgrade says so in Connection.
        if (response.status == 426) out.headers.emplace("Connection", "Upgrade");
        if (!bodiless && !response.content_type.empty() && (streaming_ || !response.body.empty())) {
            out.set_header("Content-Type", response.content_type);
        }
        if (sized_) out.set_header("Content-Length", std::to_string(response.body.size()));
        if (streaming_ && !framed_->http_1_0) out.set_header("Transfer-Encoding", "chunked");
        if (head_only || bodiless) return;
        if (streaming_) {
            answer_.stream = std::move(response.stream);
        } else {
            answer_.body = std::move(response.body);
        }
    }

    // What cpp-httplib adds by itself: promises about keep-alive that are not ours, a length where there is none.
    void correct_head(httplib::Response& out) const {
        out.headers.erase("Keep-Alive");
        out.headers.erase("Accept-Ranges");
        if (accepts_ranges_) out.headers.emplace("Accept-Ranges", "bytes");
        if (!sized_) out.headers.erase("Content-Length");
    }

    const std::string& date() {
        const auto now = std::time(nullptr);
        if (now != date_at_) {
            date_at_ = now;
            std::tm parts{};
            ::gmtime_r(&now, &parts);
            std::array<char, 64> text{};
            date_.assign(text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts));
        }
        return date_;
    }

    const api::Handler& handler_;
    const ErrorRenderer& errors_;
    const std::vector<std::string>& allowed_origins_;
    const std::atomic<bool>& draining_;
    std::string strict_transport_;

    // The request being processed.
    const FramedRequest* framed_ = nullptr;
    const Next* next_ = nullptr;
    std::optional<Response> ready_;
    std::optional<Later> later_;
    std::optional<Upgrade> upgrade_;
    Handshake handshake_;
    Answer answer_;
    std::string in_;
    bool keep_alive_ = true;
    bool answered_ = false;
    bool streaming_ = false;
    bool sized_ = true;
    bool accepts_ranges_ = false;  // the handler says so

    std::time_t date_at_ = -1;
    std::string date_;
};

HttplibAdapter::HttplibAdapter(const Handler& handler, const ErrorRenderer& errors,
                               const std::vector<std::string>& allowed_origins, const std::atomic<bool>& draining,
                               std::int64_t hsts_s)
    : server_(std::make_unique<Server>(handler, errors, allowed_origins, draining, hsts_s)) {}
HttplibAdapter::~HttplibAdapter() = default;

std::variant<Answer, Later> HttplibAdapter::run(const FramedRequest& framed, const Next* next, bool keep_alive) {
    return server_->run(framed, next, keep_alive);
}

Answer HttplibAdapter::refuse(int status, std::string_view detail, const FramedRequest& about, bool keep_alive) {
    return server_->write(about, server_->error(status, detail, about.request.path, about.request.id), keep_alive);
}

void log_front_error(std::string_view what, std::string_view request_id, std::string_view detail) {
    std::string line = "front: ";
    line.append(what).append(" (request ").append(request_id).append("): ").append(detail);
    for (char& c : line) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    }
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);
}

std::string current_exception_text() {
    try {
        throw;
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "something that is no std::exception";
    }
}

void append_chunk(std::string& out, std::string_view piece) {
    std::array<char, 24> size{};
    const int digits = std::snprintf(size.data(), size.size(), "%zx\r\n", piece.size());
    out.append(size.data(), static_cast<std::size_t>(digits)).append(piece).append("\r\n");
}

void append_last_chunk(std::string& out) {
    out += "0\r\n\r\n";
}

}  // namespace windlass::api
