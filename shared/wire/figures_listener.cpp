#include "shared/wire/figures_listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "shared/log.h"
#include "shared/loop_timer.h"
#include "shared/time.h"

namespace windlass::wire {
namespace {

constexpr std::size_t most_conversations = 16;
constexpr std::size_t most_request_bytes = 8 * 1024;
constexpr Milliseconds deadline{5'000};

std::string answer(int status, std::string_view reason, std::string_view more_headers, std::string_view body) {
    return fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\n"
        "Connection: close\r\n{}\r\n{}",
        status, reason, body.size(), more_headers, body);
}

// `request` is whole, up to the empty line.
std::string answer_to(std::string_view request, const std::function<std::string()>& text) {
    const std::string_view line = request.substr(0, request.find_first_of("\r\n"));
    const auto method_end = line.find(' ');
    const auto target_end = line.rfind(' ');
    if (method_end == std::string_view::npos || target_end <= method_end ||
        line.substr(target_end + 1).substr(0, 7) != "HTTP/1.")
        return answer(400, "Bad Request", "", "This is no request of HTTP/1.\n");
    const std::string_view method = line.substr(0, method_end);
    const std::string_view target = line.substr(method_end + 1, target_end - method_end - 1);
    if (target.substr(0, target.find('?')) != "/metrics")
        return answer(404, "Not Found", "", "There is nothing here but /metrics.\n");
    if (method != "GET") return answer(405, "Method Not Allowed", "Allow: GET\r\n", "GET it.\n");
    return answer(200, "OK", "", text());
}

// One end of a descriptor on the loop; deletes itself when libuv has let go of it.
class Watched {
  public:
    Watched(uv_loop_t* loop, int fd, std::function<void(int events)> on_events)
        : fd_(fd), on_events_(std::move(on_events)) {
        uv_poll_init(loop, &poll_, fd);
        poll_.data = this;
        uv_unref(reinterpret_cast<uv_handle_t*>(&poll_));
    }
    void want(int events) {
        uv_poll_start(&poll_, events, [](uv_poll_t* poll, int, int happened) {
            static_cast<Watched*>(poll->data)->on_events_(happened);
        });
    }
    void close() {  // also from inside on_events
        uv_poll_stop(&poll_);
        uv_close(reinterpret_cast<uv_handle_t*>(&poll_), [](uv_handle_t* handle) {
            auto* us = static_cast<Watched*>(handle->data);
            ::close(us->fd_);
            delete us;
        });
    }
    int fd() const { return fd_; }

  private:
    ~Watched() = default;
    uv_poll_t poll_{};
    int fd_;
    std::function<void(int)> on_events_;
};

class Conversation {
  public:
    Conversation(uv_loop_t* loop, int fd, const std::function<std::string()>& text)
        : text_(text),
          ends_at_(uv_now(loop) + static_cast<std::uint64_t>(deadline.count())),
          socket_(new Watched(loop, fd, [this](int events) { on_events(events); })) {
        socket_->want(UV_READABLE);
    }
    ~Conversation() { socket_->close(); }
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;

    bool over(std::uint64_t now) const { return over_ || now >= ends_at_; }
    std::uint64_t ends_at() const { return ends_at_; }
    std::function<void()> on_over;

  private:
    void on_events(int) {
        if (answer_.empty())
            read();
        else
            write();
        if (over_) on_over();  // destroys us
    }

    void read() {
        char bytes[2048];
        const ssize_t got = recv(socket_->fd(), bytes, sizeof bytes, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) {
            over_ = true;
            return;
        }
        request_.append(bytes, static_cast<std::size_t>(got));
        const bool whole =
            request_.find("\r\n\r\n") != std::string::npos || request_.find("\n\n") != std::string::npos;
        if (!whole && request_.size() <= most_request_bytes) return;
        answer_ = whole ? answer_to(request_, text_)
                        : answer(431, "Request Header Fields Too Large", "", "At most 8 KiB of headers.\n");
        write();
        if (!over_) socket_->want(UV_WRITABLE);
    }

    void write() {
        while (written_ < answer_.size()) {
            const ssize_t sent = send(socket_->fd(), answer_.data() + written_, answer_.size() - written_,
                                      MSG_DONTWAIT | MSG_NOSIGNAL);
            if (sent < 0 && errno == EINTR) continue;
            if (sent < 0 && errno == EAGAIN) return;
            if (sent < 0) break;
            written_ += static_cast<std::size_t>(sent);
        }
        over_ = true;
    }

    const std::function<std::string()>& text_;
    const std::uint64_t ends_at_;
    Watched* socket_;
    std::string request_, answer_;
    std::size_t written_ = 0;
    bool over_ = false;
};

struct SocketAddress {
    sockaddr_storage bytes{};
    socklen_t size = 0;
    sockaddr* generic() { return reinterpret_cast<sockaddr*>(&bytes); }
};

Result<SocketAddress> address_of(const Endpoint& endpoint) {
    SocketAddress address;
    if (!endpoint.unix_path.empty()) {
        auto& local = reinterpret_cast<sockaddr_un&>(address.bytes);
        if (endpoint.unix_path.size() >= sizeof local.sun_path)
            return make_error(ErrorKind::invalid,
                              "the socket path " + endpoint.unix_path + " is too long (at most 107 bytes)");
        local.sun_family = AF_UNIX;
        std::memcpy(local.sun_path, endpoint.unix_path.c_str(), endpoint.unix_path.size() + 1);
        address.size = sizeof local;
    } else if (uv_ip4_addr(endpoint.host.c_str(), endpoint.port, reinterpret_cast<sockaddr_in*>(&address.bytes)) == 0) {
        address.size = sizeof(sockaddr_in);
    } else {
        uv_ip6_addr(endpoint.host.c_str(), endpoint.port, reinterpret_cast<sockaddr_in6*>(&address.bytes));
        address.size = sizeof(sockaddr_in6);
    }
    return address;
}

// Binds and listens; the descriptor is the caller's.
Result<int> listening_socket(Endpoint& endpoint) {
    WINDLASS_TRY(SocketAddress address, address_of(endpoint));
    const auto failed = [&](int fd) {
        const Error why = make_error(errno == EADDRINUSE ? ErrorKind::conflict : ErrorKind::unavailable,
                                     fmt::format("cannot listen on {}: {}", endpoint.text(), std::strerror(errno)));
        if (fd >= 0) close(fd);
        return why;
    };
    const auto make = [&] { return socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); };
    const int fd = make();
    if (fd < 0) return failed(fd);
    if (!endpoint.unix_path.empty()) {
        const int caller = make();
        const bool answered = caller >= 0 && ::connect(caller, address.generic(), address.size) == 0;
        if (caller >= 0) close(caller);
        if (!answered) unlink(endpoint.unix_path.c_str());
    } else {
        const int yes = 1;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    }
    if (bind(fd, address.generic(), address.size) != 0 || listen(fd, 64) != 0) return failed(fd);
    if (!endpoint.unix_path.empty()) {
        chmod(endpoint.unix_path.c_str(), 0660);
    } else if (getsockname(fd, address.generic(), &address.size) == 0) {
        endpoint.port = ntohs(address.bytes.ss_family == AF_INET6
                                  ? reinterpret_cast<sockaddr_in6&>(address.bytes).sin6_port
                                  : reinterpret_cast<sockaddr_in&>(address.bytes).sin_port);
    }
    return fd;
}

class LoopFiguresListener final : public FiguresListener {
  public:
    LoopFiguresListener(uv_loop_t* loop, Endpoint endpoint, int fd, std::function<std::string()> text)
        : loop_(loop),
          endpoint_(std::move(endpoint)),
          text_(std::move(text)),
          timer_(loop, [this] { sweep(); }),
          socket_(new Watched(loop, fd, [this](int) { accept(); })) {
        timer_.unref();
        socket_->want(UV_READABLE);
    }
    ~LoopFiguresListener() override {
        conversations_.clear();
        socket_->close();
        if (!endpoint_.unix_path.empty()) unlink(endpoint_.unix_path.c_str());
    }
    Endpoint endpoint() const override { return endpoint_; }

  private:
    void accept() {
        const int fd = accept4(socket_->fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) return;
        if (conversations_.size() >= most_conversations) {
            close(fd);
            return;
        }
        auto& added = conversations_.emplace_back(std::make_unique<Conversation>(loop_, fd, text_));
        added->on_over = [this] { sweep(); };
        sweep();
    }

    void sweep() {
        const std::uint64_t now = uv_now(loop_);
        std::erase_if(conversations_, [&](const auto& one) { return one->over(now); });
        timer_.stop();
        if (conversations_.empty()) return;
        const auto next = (*std::min_element(conversations_.begin(), conversations_.end(), [](auto& a, auto& b) {
                              return a->ends_at() < b->ends_at();
                          }))->ends_at();
        timer_.start(Milliseconds{static_cast<std::int64_t>(next - std::min(now, next))});
    }

    uv_loop_t* loop_;
    Endpoint endpoint_;
    std::function<std::string()> text_;
    LoopTimer timer_;
    Watched* socket_;
    std::vector<std::unique_ptr<Conversation>> conversations_;
};

}  // namespace

Result<std::unique_ptr<FiguresListener>> FiguresListener::open(uv_loop_t* loop, const Endpoint& endpoint,
                                                               std::function<std::string()> text) {
    if (!endpoint.is_loopback())
        return make_error(ErrorKind::invalid,
                          endpoint.text() + ": figures are served on loopback addresses and unix sockets only");
    Endpoint bound = endpoint;
    WINDLASS_TRY(const int fd, listening_socket(bound));
    return std::unique_ptr<FiguresListener>(
        std::make_unique<LoopFiguresListener>(loop, std::move(bound), fd, std::move(text)));
}

Result<std::unique_ptr<FiguresListener>> open_figures(uv_loop_t* loop, const std::string& name,
                                                      const std::string& setting, std::function<std::string()> text) {
    if (setting.empty()) return std::unique_ptr<FiguresListener>();
    auto endpoint = parse_endpoint(setting);
    if (!endpoint) return std::move(endpoint.error()).in(name);
    auto opened = FiguresListener::open(loop, *endpoint, std::move(text));
    if (!opened) return std::move(opened.error()).in(name);
    log::info("figures for Prometheus at {}", (*opened)->endpoint().text());
    return opened;
}

}  // namespace windlass::wire
