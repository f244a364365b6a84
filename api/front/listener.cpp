#include "api/front/listener.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>
#include <memory>
#include <utility>

namespace windlass::api {
namespace {

constexpr int backlog = 1024;  // the kernel caps it at net.core.somaxconn
constexpr std::string_view unix_prefix = "unix:";

Error cannot_listen(const std::string& address, int code) {
    std::string message = "Cannot listen on " + address + ": " + ::uv_strerror(code) + ".";
    if (code == UV_EADDRINUSE)
        message += " Another program (or a second copy of this one) has it: stop that one or choose another address.";
    if (code == UV_EACCES) message += " Choose a port above 1023 or a directory this user may write to.";
    return make_error(code == UV_EADDRINUSE ? ErrorKind::conflict : ErrorKind::invalid, std::move(message));
}

struct HostAndPort {
    std::string host;
    std::string port;
};

Result<HostAndPort> split(const std::string& address) {
    const auto wrong = [&] {
        return make_error(ErrorKind::invalid,
                          "Cannot listen on \"" + address + "\": write HOST:PORT, [IPV6]:PORT or unix:/path.");
    };
    const auto colon = address.rfind(':');
    if (colon == std::string::npos || colon == 0) return wrong();
    HostAndPort out{address.substr(0, colon), address.substr(colon + 1)};
    if (out.host.front() == '[' && out.host.back() == ']') {
        out.host = out.host.substr(1, out.host.size() - 2);
    } else if (out.host.find(':') != std::string::npos) {
        return wrong();  // an IPv6 address without brackets: where does the port begin?
    }
    unsigned port = 0;
    const auto* end = out.port.data() + out.port.size();
    const auto parsed = std::from_chars(out.port.data(), end, port);
    if (parsed.ec != std::errc{} || parsed.ptr != end || port > 65535) return wrong();
    return out;
}

// A socket file that nobody listens on is left over from a process that was killed.
bool is_stale_socket(const std::string& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, path.c_str(), path.size() + 1);
    const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0) return false;
    const bool refused =
        ::connect(probe, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 && errno == ECONNREFUSED;
    ::close(probe);
    return refused;
}

std::string text_of(const sockaddr_storage& from) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (from.ss_family == AF_INET) {
        ::uv_ip4_name(reinterpret_cast<const sockaddr_in*>(&from), text.data(), text.size());
    } else if (from.ss_family == AF_INET6) {
        ::uv_ip6_name(reinterpret_cast<const sockaddr_in6*>(&from), text.data(), text.size());
    }
    std::string out = text.data();
    if (out.starts_with("::ffff:") && out.find('.') != std::string::npos) out.erase(0, 7);  // IPv4 on an IPv6 socket
    return out;
}

}  // namespace

Status Listener::open(uv_loop_t* loop, const std::string& address, std::function<void()> on_connection) {
    address_ = address;
    on_connection_ = std::move(on_connection);
    unix_ = address.starts_with(unix_prefix);
    if (unix_) {
        ::uv_pipe_init(loop, &handle_.pipe, 0);
    } else {
        ::uv_tcp_init(loop, &handle_.tcp);
    }
    initialised_ = true;
    handle_.handle.data = this;
    if (unix_) {
        WINDLASS_TRY_STATUS(bind_unix(address.substr(unix_prefix.size())));
    } else {
        WINDLASS_TRY_STATUS(bind_tcp(address));
    }
    const int listened = ::uv_listen(&handle_.stream, backlog, [](uv_stream_t* stream, int status) {
        // A negative status is the failure of one client (gone before accept, no descriptor left): the others go on.
        if (status == 0) static_cast<Listener*>(stream->data)->on_connection_();
    });
    if (listened != 0) return cannot_listen(address, listened);
    listening_ = true;
    if (!unix_) remember_port(address.substr(0, address.rfind(':')));
    return {};
}

Status Listener::bind_unix(const std::string& path) {
    if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) {
        return make_error(ErrorKind::invalid, "Cannot listen on unix:" + path +
                                                  ": the path of a unix socket has 1 to " +
                                                  std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes.");
    }
    if (is_stale_socket(path)) ::unlink(path.c_str());
    const int bound = ::uv_pipe_bind(&handle_.pipe, path.c_str());
    if (bound != 0) return cannot_listen(address_, bound);
    return {};
}

Status Listener::bind_tcp(const std::string& address) {
    WINDLASS_TRY(const HostAndPort to, split(address));
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int resolved = ::getaddrinfo(to.host.c_str(), to.port.c_str(), &hints, &found);
    if (resolved != 0) {
        return make_error(ErrorKind::invalid, "Cannot listen on " + address + ": the host is not known here (" +
                                                  ::gai_strerror(resolved) +
                                                  "). Use a name or address of this machine.");
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    // libuv sets SO_REUSEADDR and not SO_REUSEPORT: after a restart the port is free at once, a second copy fails.
    const int bound = ::uv_tcp_bind(&handle_.tcp, found->ai_addr, 0);
    if (bound != 0) return cannot_listen(address, bound);
    return {};
}

void Listener::remember_port(const std::string& host) {
    sockaddr_storage bound{};
    int size = sizeof bound;
    if (::uv_tcp_getsockname(&handle_.tcp, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return;
    const auto port = bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&bound)->sin6_port
                                                  : reinterpret_cast<const sockaddr_in*>(&bound)->sin_port;
    address_ = host + ":" + std::to_string(ntohs(port));
}

bool Listener::accept(SocketHandle& client) {
    auto* loop = handle_.handle.loop;
    if (unix_) {
        ::uv_pipe_init(loop, &client.pipe, 0);
    } else {
        ::uv_tcp_init(loop, &client.tcp);
    }
    if (::uv_accept(&handle_.stream, &client.stream) != 0) return false;
    // Without it the answer to a second request on one connection waits for the client's delayed acknowledgement (40
    // ms).
    if (!unix_) ::uv_tcp_nodelay(&client.tcp, 1);
    return true;
}

void Listener::close(std::function<void()> closed) {
    listening_ = false;
    if (!initialised_) return closed();
    initialised_ = false;
    closed_ = std::move(closed);
    ::uv_close(&handle_.handle, [](uv_handle_t* handle) {
        auto done = std::move(static_cast<Listener*>(handle->data)->closed_);
        done();
    });
}

std::string peer_address(const SocketHandle& client, bool is_unix) {
    if (is_unix) return "unix";
    sockaddr_storage from{};
    int size = sizeof from;
    if (::uv_tcp_getpeername(&client.tcp, reinterpret_cast<sockaddr*>(&from), &size) != 0) return {};
    return text_of(from);
}

std::string counting_key(const std::string& address) {
    if (address.empty() || address == "unix" || address == "::1" || address.starts_with("127.")) return {};
    in6_addr parsed{};
    if (address.find(':') == std::string::npos || ::uv_inet_pton(AF_INET6, address.c_str(), &parsed) != 0)
        return address;
    return {reinterpret_cast<const char*>(&parsed), 8};
}

}  // namespace windlass::api
