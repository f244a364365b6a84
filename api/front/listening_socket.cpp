#include "api/front/listening_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "api/front/ip_block.h"

namespace windlass::api {
namespace {

constexpr int backlog = 1024;  // the kernel caps it at net.core.somaxconn
constexpr std::string_view unix_prefix = "unix:";

Error cannot_listen(const std::string& address, int code) {
    std::string message = fmt::format("Cannot listen on {}: {}.", address, std::strerror(code));
    if (code == EADDRINUSE)
        message += " Another program (or a second copy of this one) has it: stop that one or choose another address.";
    if (code == EACCES) message += " Choose a port above 1023 or a directory this user may write to.";
    return make_error(code == EADDRINUSE ? ErrorKind::conflict : ErrorKind::invalid, std::move(message));
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

sockaddr_un unix_address(const std::string& path) {
    sockaddr_un out{};
    out.sun_family = AF_UNIX;
    path.copy(out.sun_path, sizeof out.sun_path - 1);
    return out;
}

// A socket file that nobody listens on is left over from a process that was killed.
bool is_stale_socket(const std::string& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
    const auto to = unix_address(path);
    const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) return false;
    const bool refused =
        ::connect(probe, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 && errno == ECONNREFUSED;
    ::close(probe);
    return refused;
}

struct OwnAddress {
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_storage);
    bool known = false;

    explicit OwnAddress(int descriptor) {
        known = ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &size) == 0;
    }
    std::string path() const {
        const auto& address = reinterpret_cast<const sockaddr_un&>(storage);
        std::string out(address.sun_path, size - std::min<std::size_t>(size, offsetof(sockaddr_un, sun_path)));
        if (!out.empty() && out.front() == '\0') out.front() = '@';  // abstract: as systemd writes it
        return out.substr(0, out.find('\0'));
    }
    std::uint16_t port() const {
        return ntohs(storage.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(storage).sin6_port
                                                   : reinterpret_cast<const sockaddr_in&>(storage).sin_port);
    }
};

}  // namespace

Result<ListeningSocket> ListeningSocket::bind(const std::string& address, mode_t unix_mode) {
    return address.starts_with(unix_prefix) ? bind_unix(address, unix_mode) : bind_tcp(address);
}

Result<ListeningSocket> ListeningSocket::bind_unix(const std::string& address, mode_t mode) {
    const auto path = address.substr(unix_prefix.size());
    if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) {
        return make_error(ErrorKind::invalid,
                          fmt::format("Cannot listen on {}: the path of a unix socket has 1 to {} bytes.", address,
                                      sizeof(sockaddr_un::sun_path) - 1));
    }
    ListeningSocket out(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (out.descriptor_ < 0) return cannot_listen(address, errno);
    out.unix_ = true;
    if (is_stale_socket(path)) ::unlink(path.c_str());
    const auto at = unix_address(path);
    if (::bind(out.descriptor_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
        return cannot_listen(address, errno);
    // Until it listens nobody can connect, so nobody slips in before the mode is right.
    struct stat info {};
    if (::chmod(path.c_str(), mode) != 0 || ::lstat(path.c_str(), &info) != 0) return cannot_listen(address, errno);
    out.made_ = {path, info.st_dev, info.st_ino};
    WINDLASS_TRY_STATUS(out.listen_at(address));
    return out;
}

Result<ListeningSocket> ListeningSocket::bind_tcp(const std::string& address) {
    WINDLASS_TRY(const HostAndPort to, split(address));
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int resolved = ::getaddrinfo(to.host.c_str(), to.port.c_str(), &hints, &found);
    if (resolved != 0) {
        return make_error(ErrorKind::invalid,
                          fmt::format("Cannot listen on {}: the host is not known here ({}). Use a name or address of "
                                      "this machine.",
                                      address, ::gai_strerror(resolved)));
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    ListeningSocket out(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (out.descriptor_ < 0) return cannot_listen(address, errno);
    // After a restart the port is free at once.
    const int on = 1;
    ::setsockopt(out.descriptor_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(out.descriptor_, found->ai_addr, found->ai_addrlen) != 0) return cannot_listen(address, errno);
    WINDLASS_TRY_STATUS(out.listen_at(address));
    out.address_ = fmt::format("{}:{}", address.substr(0, address.rfind(':')), OwnAddress(out.descriptor_).port());
    return out;
}

Status ListeningSocket::listen_at(const std::string& address) {
    address_ = address;
    if (!unix_) {
        // Accepted sockets inherit it. Without it the answer to a second request on one connection waits for the
        // client's delayed acknowledgement (40 ms).
        const int on = 1;
        ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (::listen(descriptor_, backlog) != 0) return cannot_listen(address, errno);
    return {};
}

Result<ListeningSocket> ListeningSocket::adopt(int descriptor) {
    ListeningSocket out(descriptor);
    const OwnAddress own(descriptor);
    const int family = own.storage.ss_family;
    if (!own.known || ::sd_is_socket(descriptor, family, SOCK_STREAM, 1) <= 0 ||
        (family != AF_UNIX && family != AF_INET && family != AF_INET6)) {
        return make_error(ErrorKind::invalid,
                          fmt::format("The inherited descriptor {} is no stream socket that listens: the .socket unit "
                                      "needs ListenStream= with Accept=no.",
                                      descriptor));
    }
    ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    out.unix_ = family == AF_UNIX;
    const auto address = out.unix_            ? "unix:" + own.path()
                         : family == AF_INET6 ? fmt::format("[{}]:{}", text_of(own.storage), own.port())
                                              : fmt::format("{}:{}", text_of(own.storage), own.port());
    WINDLASS_TRY_STATUS(out.listen_at(address));
    return out;
}

void ListeningSocket::close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
    struct stat info {};
    if (!made_.path.empty() && ::lstat(made_.path.c_str(), &info) == 0 && info.st_dev == made_.device &&
        info.st_ino == made_.inode) {
        ::unlink(made_.path.c_str());
    }
    made_ = {};
}

Result<std::vector<int>> inherited_descriptors() {
    const int count = ::sd_listen_fds(1);
    if (count < 0) return errno_error("reading LISTEN_FDS, by which systemd hands sockets down", -count);
    std::vector<int> out;
    for (int i = 0; i < count; ++i) out.push_back(SD_LISTEN_FDS_START + i);
    return out;
}

bool listens_on_this_machine_only(int descriptor) {
    const OwnAddress own(descriptor);
    if (!own.known) return false;
    if (own.storage.ss_family == AF_UNIX) return true;
    const auto text = text_of(own.storage);
    return text == "::1" || text.starts_with("127.");
}

std::string text_of(const sockaddr_storage& from) {
    IpAddress out;
    if (from.ss_family == AF_INET6) {
        std::memcpy(out.bytes.data(), &reinterpret_cast<const sockaddr_in6&>(from).sin6_addr, 16);
        return out.text();
    }
    if (from.ss_family != AF_INET) return {};
    return IpAddress::of_v4(ntohl(reinterpret_cast<const sockaddr_in&>(from).sin_addr.s_addr)).text();
}

}  // namespace windlass::api
