#include "shared/wire/connection.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "shared/frame.h"
#include "shared/loop_timer.h"

namespace windlass::wire {
namespace {

// Of connections not yet accepted; the kernel takes it down to net.core.somaxconn. All workers of a site come at once
// when its scheduler was started again, and a unix socket refuses those for whom there is no place.
constexpr int backlog = 4096;

// A peer that lets this much pile up does not read any more: it is cut off, and comes back when it can.
constexpr std::size_t max_unsent_bytes = 1u << 30;
// A stranger's Hello is small, and whoever has no certificate says less than that: it can only enrol.
constexpr std::size_t hello_header_bytes = 1u << 20;
constexpr std::size_t enrol_header_bytes = 16 * 1024;
constexpr std::size_t read_bytes = 256 * 1024;
constexpr std::size_t read_bytes_of_a_stranger = 16 * 1024;
// Encrypted at once; what waits beyond that waits in the clear, and is counted as unsent all the same.
constexpr std::size_t sealed_bytes = 1u << 20;
// Of one who dials: the other side keeps its own.
constexpr Milliseconds handshake_deadline{10'000};

// The first bytes of TLS records as a stranger sends them (RFC 8446, 5.1): a hello, or an alert. No first frame of ours
// begins so: it has no body, and its size is written here.
bool looks_like_tls(std::string_view bytes) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    return bytes.size() >= 5 && (at(0) == 0x15 || at(0) == 0x16) && at(1) == 3 && (at(2) == 1 || at(2) == 3) &&
           at(4) != 0;
}

Error uv_error(std::string_view what, int code) {
    return make_error(ErrorKind::unavailable, fmt::format("{}: {}", what, uv_strerror(code)));
}

class UvConnection final : public Connection {
  public:
    UvConnection(uv_loop_t* loop, bool unix_socket) : unix_(unix_socket) {
        if (unix_)
            uv_pipe_init(loop, &handle_.pipe, 0);
        else
            uv_tcp_init(loop, &handle_.tcp);
        handle_.stream.data = this;
        reader_.set_bounds(hello_header_bytes, 0);
    }

    uv_stream_t* stream() { return &handle_.stream; }
    uv_pipe_t* pipe() { return &handle_.pipe; }
    uv_tcp_t* tcp() { return &handle_.tcp; }

    // libuv owns a part of us until the close callback: we hold ourselves until then.
    void secure(std::shared_ptr<const trust::TlsServer> server) {
        secure_ = std::make_unique<trust::SecureChannel>(std::move(server));
        is_server_ = true;
    }
    // `done` is called when the scheduler has shown who it is, or never will.
    void secure(std::shared_ptr<const trust::TlsClient> client, const std::string& name,
                std::function<void(Status)> done) {
        secure_ = std::make_unique<trust::SecureChannel>(std::move(client), name);
        on_secured_ = std::move(done);
    }

    void start() {
        self_ = shared_from_this();
        describe_peer();
        if (!unix_) uv_tcp_nodelay(&handle_.tcp, 1);
        uv_read_start(
            stream(),
            [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
                auto& us = *static_cast<UvConnection*>(handle->data);
                us.input_.resize(us.trusted_ ? read_bytes : read_bytes_of_a_stranger);
                *buffer = uv_buf_init(us.input_.data(), static_cast<unsigned>(us.input_.size()));
            },
            [](uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
                static_cast<UvConnection*>(stream->data)->on_read(size, buffer->base);
            });
        if (!on_secured_) return;
        deadline_ = std::make_unique<LoopTimer>(stream()->loop, [this] { finish("the TLS handshake took too long"); });
        deadline_->start(handshake_deadline);
        on_ciphertext({});
    }
    void abandon() {  // never started: only the handle has to go
        self_ = shared_from_this();
        uv_close(&handle_.handle, [](uv_handle_t* handle) { static_cast<UvConnection*>(handle->data)->self_.reset(); });
    }

    void set_handlers(Handlers handlers) override { handlers_ = std::move(handlers); }
    std::size_t unsent_bytes() const override { return pending_.size() - sealed_ + writing_.size(); }
    void trust() override {
        trusted_ = true;
        reader_.set_bounds(max_frame_header_bytes, max_frame_body_bytes);
    }
    const trust::PeerCertificate* certificate() const override {
        return is_server_ && secure_->is_open() ? &secure_->peer() : nullptr;
    }
    std::string peer() const override { return peer_; }
    long peer_uid() const override { return peer_uid_; }
    bool peer_has_gone() const override {
        uv_os_fd_t fd = -1;
        char byte = 0;
        if (closing_ || uv_fileno(&handle_.handle, &fd) != 0) return true;
        const ssize_t size = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        return size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR);
    }

    void send(const protocol::Message& message, std::string_view body) override {
        if (closing_) return;
        append_frame(pending_, protocol::encode(message), body);
        if (unsent_bytes() > max_unsent_bytes) return finish("the peer does not read");
        schedule_flush();
    }

    void close(const std::string& reason) override {
        if (closing_ || !close_reason_.empty()) return;
        close_reason_ = reason.empty() ? "closed" : reason;
        if (secure_ && !secure_->is_open()) pending_.clear();  // there is nobody yet whom it could be told
        flush();
        if (pending_.empty() && writing_.empty()) finish(close_reason_);
    }

  private:
    void describe_peer() {
        if (!unix_) {
            sockaddr_storage address{};
            int size = sizeof address;
            if (uv_tcp_getpeername(&handle_.tcp, reinterpret_cast<sockaddr*>(&address), &size) != 0) return;
            char text[64] = {};
            const bool v6 = address.ss_family == AF_INET6;
            const void* bytes = v6 ? static_cast<const void*>(&reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr)
                                   : static_cast<const void*>(&reinterpret_cast<sockaddr_in*>(&address)->sin_addr);
            inet_ntop(address.ss_family, bytes, text, sizeof text);
            peer_ = text;
            return;
        }
        uv_os_fd_t fd = -1;
        ucred credential{};
        socklen_t size = sizeof credential;
        if (uv_fileno(&handle_.handle, &fd) == 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credential, &size) == 0) {
            peer_uid_ = credential.uid;
            peer_ = fmt::format("pid {} (user id {})", credential.pid, credential.uid);
        }
    }

    void on_read(ssize_t size, const char* bytes) {
        if (closing_) return;
        if (size == 0) return;
        if (size < 0) {
            const std::string reason =
                size == UV_EOF ? "the peer closed the connection" : uv_strerror(static_cast<int>(size));
            return finish(on_secured_
                              ? reason + " before TLS was agreed on: is this the address of scheduler.tls_listen?"
                              : reason);
        }
        const std::string_view read(bytes, static_cast<std::size_t>(size));
        if (secure_) return on_ciphertext(read);
        if (!std::exchange(heard_, true) && looks_like_tls(read))
            return finish(
                "the peer speaks TLS and we do not: tls:// stands before addresses of scheduler.tls_listen, "
                "and before no others");
        take(read);
    }

    void on_ciphertext(std::string_view bytes) {
        const auto keep = shared_from_this();
        const bool was_open = secure_->is_open();
        clear_.clear();
        const bool good = secure_->open(bytes, clear_);
        if (!was_open && secure_->is_open()) {
            const bool known = !is_server_ || (secure_->peer().shown && secure_->peer().fault.empty());
            if (!trusted_) reader_.set_bounds(known ? hello_header_bytes : enrol_header_bytes, 0);
            deadline_.reset();
            if (const auto done = std::exchange(on_secured_, nullptr)) done({});
        }
        flush();
        if (!clear_.empty() && !closing_) take(clear_);
        if (!good) return finish(secure_->fault());
        if (secure_->has_ended()) finish("the peer closed the connection");
    }

    void take(std::string_view bytes) {
        reader_.feed(bytes);
        const auto keep = shared_from_this();  // a handler may drop the last reference
        while (!closing_) {
            auto next = reader_.next();
            if (!next) return finish(next.error().message);
            if (!next->has_value()) return;
            auto message = protocol::decode((*next)->header);
            if (!message) return finish("the peer does not speak our protocol: " + message.error().message);
            if (handlers_.on_message) handlers_.on_message(std::move(message).value(), std::move((*next)->body));
        }
    }

    // What is sent in one turn leaves in one write: a zero timer would cost a syscall per turn, a prepare handle none.
    void schedule_flush() {
        if (flush_scheduled_) return;
        flush_scheduled_ = true;
        if (!prepare_open_) {
            uv_prepare_init(stream()->loop, &prepare_);
            prepare_.data = this;
            prepare_open_ = true;
            uv_unref(reinterpret_cast<uv_handle_t*>(&prepare_));
        }
        uv_prepare_start(&prepare_, [](uv_prepare_t* handle) {
            auto& us = *static_cast<UvConnection*>(handle->data);
            uv_prepare_stop(handle);
            us.flush_scheduled_ = false;
            us.flush();
        });
    }

    void flush() {
        if (closing_ || !writing_.empty()) return;
        if (!secure_)
            writing_.swap(pending_);
        else if (!seal())
            return finish(secure_->fault());
        if (writing_.empty()) return;
        uv_buf_t buffer = uv_buf_init(writing_.data(), static_cast<unsigned>(writing_.size()));
        const int written = uv_try_write(stream(), &buffer, 1);
        if (written == static_cast<int>(writing_.size())) return wrote(0);
        const std::size_t from = written > 0 ? static_cast<std::size_t>(written) : 0;
        buffer = uv_buf_init(writing_.data() + from, static_cast<unsigned>(writing_.size() - from));
        write_.data = this;
        const int failed = uv_write(&write_, stream(), &buffer, 1, [](uv_write_t* request, int status) {
            static_cast<UvConnection*>(request->data)->wrote(status);
        });
        if (failed != 0) finish(uv_strerror(failed));
    }

    // False: the channel is broken.
    bool seal() {
        if (secure_->is_open() && sealed_ < pending_.size()) {
            const std::size_t size = std::min(pending_.size() - sealed_, sealed_bytes);
            if (!secure_->seal(std::string_view(pending_).substr(sealed_, size))) return false;
            sealed_ += size;
            if (sealed_ == pending_.size() || sealed_ >= 8 * sealed_bytes) {
                pending_.erase(0, sealed_);
                sealed_ = 0;
            }
            if (pending_.empty() && pending_.capacity() > sealed_bytes) pending_.shrink_to_fit();
        }
        writing_.swap(secure_->output());
        return true;
    }

    void wrote(int status) {
        writing_.clear();
        if (writing_.capacity() > (1u << 20)) writing_.shrink_to_fit();
        if (closing_) return;
        if (status != 0) return finish(uv_strerror(status));
        if (!pending_.empty() && (!secure_ || secure_->is_open())) return flush();
        if (secure_ && !secure_->output().empty()) return flush();
        if (!close_reason_.empty()) finish(close_reason_);
    }

    void finish(const std::string& reason) {
        if (closing_) return;
        closing_ = true;
        const auto keep = shared_from_this();
        handles_open_ = prepare_open_ ? 2 : 1;
        const auto closed = [](uv_handle_t* handle) {
            auto& us = *static_cast<UvConnection*>(handle->data);
            if (--us.handles_open_ != 0) return;
            us.retired_ = {};
            us.self_.reset();
        };
        uv_close(&handle_.handle, closed);
        if (prepare_open_) uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), closed);
        // Kept until the handle is closed: this may have been called from inside on_message, which must not be
        // destroyed while it runs.
        retired_ = std::exchange(handlers_, {});
        deadline_.reset();
        if (const auto done = std::exchange(on_secured_, nullptr))
            return done(make_error(ErrorKind::unavailable, reason));
        if (retired_.on_closed) retired_.on_closed(reason);
    }

    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } handle_{};
    const bool unix_;
    uv_prepare_t prepare_{};
    uv_write_t write_{};
    bool prepare_open_ = false;
    bool flush_scheduled_ = false;
    bool closing_ = false;
    int handles_open_ = 0;
    std::string close_reason_;
    std::string input_, pending_, writing_;
    FrameReader reader_;
    bool trusted_ = false;
    bool heard_ = false;                            // its first bytes
    bool is_server_ = false;                        // of TLS
    std::unique_ptr<trust::SecureChannel> secure_;  // null: in the clear
    std::string clear_;
    std::size_t sealed_ = 0;               // of pending_: encrypted already
    std::unique_ptr<LoopTimer> deadline_;  // of the handshake, of one who dials
    std::function<void(Status)> on_secured_;
    Handlers handlers_;
    Handlers retired_;
    std::string peer_ = "unknown";
    long peer_uid_ = -1;
    std::shared_ptr<Connection> self_;
};

Status socket_address(const Endpoint& endpoint, sockaddr_storage& address) {
    if (uv_ip4_addr(endpoint.host.c_str(), endpoint.port, reinterpret_cast<sockaddr_in*>(&address)) == 0) return {};
    if (uv_ip6_addr(endpoint.host.c_str(), endpoint.port, reinterpret_cast<sockaddr_in6*>(&address)) == 0) return {};
    return make_error(ErrorKind::invalid,
                      endpoint.host + " is not an address; write it as numbers, e.g. 127.0.0.1:7070");
}

struct Dial {
    std::shared_ptr<UvConnection> connection;
    std::function<void(Result<std::shared_ptr<Connection>>)> done;
    std::string where;
    std::string name;                                // of the host, for its certificate
    std::shared_ptr<const trust::TlsClient> client;  // null: in the clear
    uv_connect_t request{};
    uv_getaddrinfo_t question{};

    static void resolved(uv_getaddrinfo_t* question, int status, addrinfo* found) {
        auto* dial = static_cast<Dial*>(question->data);
        const int failed =
            status == 0 ? uv_tcp_connect(&dial->request, dial->connection->tcp(), found->ai_addr, finished) : status;
        uv_freeaddrinfo(found);
        if (failed != 0) finished(&dial->request, failed);
    }

    static void finished(uv_connect_t* request, int status) {
        std::unique_ptr<Dial> dial(static_cast<Dial*>(request->data));
        const auto connection = dial->connection;
        if (status != 0) {
            connection->abandon();
            return dial->done(uv_error("cannot reach " + dial->where, status));
        }
        if (!dial->client) {
            connection->start();
            return dial->done(std::static_pointer_cast<Connection>(connection));
        }
        const auto secured = [weak = std::weak_ptr(connection), done = std::move(dial->done)](Status agreed) {
            if (!agreed) return done(std::move(agreed).error());
            done(std::static_pointer_cast<Connection>(weak.lock()));
        };
        connection->secure(std::move(dial->client), dial->name, secured);
        connection->start();
    }
};

// A socket file that nobody answers on is left over from a process that was killed.
bool somebody_listens(const std::string& path) {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    const bool answered = fd >= 0 && ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    if (fd >= 0) ::close(fd);
    return answered;
}

class UvListener final : public Listener {
  public:
    UvListener(uv_loop_t* loop, Endpoint endpoint, std::function<void(std::shared_ptr<Connection>)> on_connection,
               Server server)
        : loop_(loop),
          endpoint_(std::move(endpoint)),
          on_connection_(std::move(on_connection)),
          server_(std::move(server)),
          handles_(new Handles) {
        handles_->owner = this;
    }
    ~UvListener() override { close(); }

    Status listen() {
        const bool unix_socket = !endpoint_.unix_path.empty();
        auto* handle = &handles_->handle;
        if (unix_socket)
            uv_pipe_init(loop_, &handles_->pipe, 0);
        else
            uv_tcp_init(loop_, &handles_->tcp);
        handle->data = handles_;
        open_ = true;
        if (unix_socket) {
            WINDLASS_TRY_STATUS(bind_unix());
        } else {
            sockaddr_storage address{};
            WINDLASS_TRY_STATUS(socket_address(endpoint_, address));
            if (const int failed = uv_tcp_bind(&handles_->tcp, reinterpret_cast<sockaddr*>(&address), 0); failed != 0)
                return uv_error("cannot listen on " + endpoint_.text(), failed);
        }
        const int failed = uv_listen(&handles_->stream, backlog, [](uv_stream_t* stream, int status) {
            auto& handles = *static_cast<Handles*>(stream->data);
            if (status == 0 && handles.owner != nullptr) handles.owner->accept();
        });
        if (failed != 0) return uv_error("cannot listen on " + endpoint_.text(), failed);
        if (unix_socket)
            chmod(endpoint_.unix_path.c_str(), 0660);
        else
            learn_port();
        return {};
    }

    Endpoint endpoint() const override { return endpoint_; }

    void close() override {
        if (handles_ == nullptr) return;
        handles_->owner = nullptr;
        if (open_)
            uv_close(&handles_->handle, [](uv_handle_t* handle) { delete static_cast<Handles*>(handle->data); });
        else
            delete handles_;
        handles_ = nullptr;
    }

  private:
    struct Handles {  // outlives us until libuv has closed it
        UvListener* owner = nullptr;
        union {
            uv_handle_t handle;
            uv_stream_t stream;
            uv_tcp_t tcp;
            uv_pipe_t pipe;
        };
        Handles() : pipe() {}
    };

    Status bind_unix() {
        const std::string& path = endpoint_.unix_path;
        if (path.size() >= sizeof(sockaddr_un::sun_path))
            return make_error(ErrorKind::invalid, "the socket path " + path + " is too long (at most 107 bytes)");
        if (somebody_listens(path))
            return make_error(ErrorKind::conflict, "another process already listens on " + path);
        unlink(path.c_str());
        if (const int failed = uv_pipe_bind(&handles_->pipe, path.c_str()); failed != 0)
            return uv_error("cannot listen on " + endpoint_.text(), failed);
        return {};
    }

    void learn_port() {
        sockaddr_storage address{};
        int size = sizeof address;
        if (uv_tcp_getsockname(&handles_->tcp, reinterpret_cast<sockaddr*>(&address), &size) != 0) return;
        endpoint_.port = ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                                                             : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
    }

    void accept() {
        auto connection = std::make_shared<UvConnection>(loop_, !endpoint_.unix_path.empty());
        if (uv_accept(&handles_->stream, connection->stream()) != 0) return connection->abandon();
        if (server_) connection->secure(server_());
        connection->start();
        on_connection_(std::move(connection));
    }

    uv_loop_t* loop_;
    Endpoint endpoint_;
    std::function<void(std::shared_ptr<Connection>)> on_connection_;
    Server server_;
    Handles* handles_;
    bool open_ = false;
};

}  // namespace

std::string Endpoint::text() const {
    if (!unix_path.empty()) return "unix:" + unix_path;
    const bool is_v6 = host.find(':') != std::string::npos;
    return fmt::format("{}{}{}{}:{}", tls ? "tls://" : "", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
}

bool Endpoint::is_loopback() const {
    return !unix_path.empty() || host.rfind("127.", 0) == 0 || host == "::1";
}

Result<Endpoint> parse_endpoint(const std::string& text) {
    Endpoint endpoint;
    if (text.rfind("unix:", 0) == 0) {
        endpoint.unix_path = text.substr(5);
        if (endpoint.unix_path.empty() || endpoint.unix_path[0] != '/')
            return make_error(ErrorKind::invalid, "\"" + text + "\": a unix socket is written unix:/absolute/path");
        return endpoint;
    }
    const auto colon = text.rfind(':');
    const auto wrong =
        make_error(ErrorKind::invalid, "\"" + text + "\" is not an address; write HOST:PORT, [V6]:PORT or unix:/path");
    if (colon == std::string::npos) return wrong;
    endpoint.host = text.substr(0, colon);
    if (endpoint.host == "localhost") endpoint.host = "127.0.0.1";
    if (endpoint.host.size() > 2 && endpoint.host.front() == '[' && endpoint.host.back() == ']')
        endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
    const char* end = text.data() + text.size();
    const auto [used, failed] = std::from_chars(text.data() + colon + 1, end, endpoint.port);
    if (failed != std::errc() || used != end || endpoint.port < 0 || endpoint.port > 65535) return wrong;
    sockaddr_storage address{};
    WINDLASS_TRY_STATUS(socket_address(endpoint, address));
    return endpoint;
}

void connect(uv_loop_t* loop, const Endpoint& endpoint, std::function<void(Result<std::shared_ptr<Connection>>)> done,
             std::shared_ptr<const trust::TlsClient> client) {
    if (endpoint.tls && !client)
        return done(make_error(ErrorKind::invalid, endpoint.text() + " is for workers that are enrolled; others dial "
                                                                     "unix:/path or a loopback address"));
    const bool unix_socket = !endpoint.unix_path.empty();
    auto owned = std::make_unique<Dial>();
    owned->connection = std::make_shared<UvConnection>(loop, unix_socket);
    owned->done = std::move(done);
    owned->where = endpoint.text();
    owned->name = endpoint.host;
    if (endpoint.tls) owned->client = std::move(client);
    Dial* dial = owned.release();
    dial->request.data = dial->question.data = dial;
    UvConnection& connection = *dial->connection;
    if (unix_socket)
        return uv_pipe_connect(&dial->request, connection.pipe(), endpoint.unix_path.c_str(), Dial::finished);
    sockaddr_storage address{};
    int failed = 0;
    if (socket_address(endpoint, address)) {
        failed =
            uv_tcp_connect(&dial->request, connection.tcp(), reinterpret_cast<sockaddr*>(&address), Dial::finished);
    } else {
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        failed = uv_getaddrinfo(loop, &dial->question, Dial::resolved, endpoint.host.c_str(),
                                std::to_string(endpoint.port).c_str(), &hints);
    }
    if (failed != 0) Dial::finished(&dial->request, failed);
}

Result<std::unique_ptr<Listener>> Listener::open(uv_loop_t* loop, const Endpoint& endpoint,
                                                 std::function<void(std::shared_ptr<Connection>)> on_connection,
                                                 Server server) {
    auto listener = std::make_unique<UvListener>(loop, endpoint, std::move(on_connection), std::move(server));
    WINDLASS_TRY_STATUS(listener->listen());
    return std::unique_ptr<Listener>(std::move(listener));
}

}  // namespace windlass::wire
