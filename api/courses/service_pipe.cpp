#include "api/courses/service_pipe.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

namespace windlass::api {
namespace {

constexpr std::uint64_t wake_token = 0;

}  // namespace

// One socket, locked by whoever looks at it; never while its callback runs.
struct ServicePipe::Socket {
    std::mutex mutex;
    int fd = -1;
    int epoll = -1;
    std::uint64_t id = 0;
    std::weak_ptr<ServicePipes::Shared> home;
    State state = State::open;
    std::string received;
    std::string unsent;
    std::function<void()> callback;

    void arm();  // under the lock
    void send_what_goes();
    void receive_what_came();
    bool has_news() const { return !received.empty() || state != State::open; }
    void on_ready(std::uint32_t events);
};

struct ServicePipes::Shared {
    std::mutex mutex;
    std::unordered_map<std::uint64_t, std::weak_ptr<ServicePipe::Socket>> sockets;
    std::uint64_t last_id = wake_token;
    int epoll = -1;
    int wake = -1;
    std::atomic<bool> stopping{false};

    ~Shared() {
        ::close(epoll);
        ::close(wake);
    }
};

void ServicePipe::Socket::arm() {
    if (fd < 0) return;
    epoll_event event{};
    event.events = (received.size() < read_ahead_bytes && state == State::open ? EPOLLIN : 0U) |
                   (unsent.empty() ? 0U : EPOLLOUT) | EPOLLONESHOT;
    event.data.u64 = id;
    // Nothing is waited for: an end would be told again and again.
    if ((event.events & (EPOLLIN | EPOLLOUT)) == 0U) return;
    ::epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
}

void ServicePipe::Socket::send_what_goes() {
    while (!unsent.empty() && state != State::failed) {
        const ssize_t sent = ::send(fd, unsent.data(), unsent.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            unsent.erase(0, static_cast<std::size_t>(sent));
        } else if (errno != EINTR) {
            // An answer may lie there although nothing more is taken: that shows when it is read.
            if (errno != EAGAIN && errno != EINPROGRESS && errno != ENOTCONN) unsent.clear();
            return;
        }
    }
}

void ServicePipe::Socket::receive_what_came() {
    std::array<char, 64 * 1024> bytes;  // NOLINT: filled by recv
    while (state == State::open && received.size() < read_ahead_bytes) {
        const ssize_t got = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (got > 0) {
            received.append(bytes.data(), static_cast<std::size_t>(got));
        } else if (got == 0) {
            state = State::ended;
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR) {
            state = State::failed;
        }
    }
}

void ServicePipe::Socket::on_ready(std::uint32_t events) {
    std::function<void()> tell;
    {
        const std::lock_guard lock(mutex);
        if (fd < 0) return;
        if ((events & EPOLLOUT) != 0U) send_what_goes();
        if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0U) receive_what_came();
        arm();
        tell = callback;
    }
    if (tell) tell();
}

ServicePipe::~ServicePipe() {
    std::function<void()> callback;  // destroyed after the lock: it may hold the last of something
    const std::lock_guard lock(socket_->mutex);
    callback = std::exchange(socket_->callback, nullptr);
    if (socket_->fd >= 0) ::close(std::exchange(socket_->fd, -1));
    if (const auto home = socket_->home.lock()) {
        const std::lock_guard home_lock(home->mutex);
        home->sockets.erase(socket_->id);
    }
}

void ServicePipe::on_change(std::function<void()> callback) {
    std::function<void()> before;
    std::function<void()> tell;
    {
        const std::lock_guard lock(socket_->mutex);
        before = std::exchange(socket_->callback, std::move(callback));
        if (socket_->has_news()) tell = socket_->callback;
    }
    if (tell) tell();
}

ServicePipe::State ServicePipe::take(std::string& out) {
    const std::lock_guard lock(socket_->mutex);
    out += std::exchange(socket_->received, {});
    socket_->arm();
    return socket_->state;
}

void ServicePipe::write(std::string_view bytes) {
    const std::lock_guard lock(socket_->mutex);
    if (socket_->state != State::open) return;
    socket_->unsent += bytes;
    socket_->send_what_goes();
    socket_->arm();
}

std::size_t ServicePipe::unsent_bytes() const {
    const std::lock_guard lock(socket_->mutex);
    return socket_->unsent.size();
}

ServicePipes::ServicePipes() : shared_(std::make_shared<Shared>()) {
    shared_->epoll = ::epoll_create1(EPOLL_CLOEXEC);
    shared_->wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = wake_token;
    WINDLASS_CHECK(shared_->epoll >= 0 && shared_->wake >= 0 &&
                       ::epoll_ctl(shared_->epoll, EPOLL_CTL_ADD, shared_->wake, &event) == 0,
                   "no descriptor is left for the connections to services");
    thread_ = std::thread([this] { run(); });
}

ServicePipes::~ServicePipes() {
    shared_->stopping = true;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(shared_->wake, &one, sizeof one);
    thread_.join();
}

void ServicePipes::run() {
    std::array<epoll_event, 64> ready{};
    while (!shared_->stopping) {
        const int count = ::epoll_wait(shared_->epoll, ready.data(), static_cast<int>(ready.size()), -1);
        for (int i = 0; i < count; ++i) {
            const auto& event = ready[static_cast<std::size_t>(i)];
            if (event.data.u64 == wake_token) continue;
            std::shared_ptr<ServicePipe::Socket> socket;
            {
                const std::lock_guard lock(shared_->mutex);
                if (const auto place = shared_->sockets.find(event.data.u64); place != shared_->sockets.end())
                    socket = place->second.lock();
            }
            if (socket) socket->on_ready(event.events);
        }
    }
}

std::shared_ptr<ServicePipe> ServicePipes::open(const wire::Endpoint& endpoint, std::string first) {
    const auto socket = std::make_shared<ServicePipe::Socket>();
    socket->unsent = std::move(first);
    socket->home = shared_;
    socket->epoll = shared_->epoll;
    sockaddr_storage storage{};
    socklen_t size = 0;
    if (!endpoint.unix_path.empty()) {
        auto* address = reinterpret_cast<sockaddr_un*>(&storage);
        address->sun_family = AF_UNIX;
        if (endpoint.unix_path.size() < sizeof address->sun_path) {
            std::memcpy(address->sun_path, endpoint.unix_path.data(), endpoint.unix_path.size());
            size = sizeof(sockaddr_un);
        }
    } else if (auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
               ::inet_pton(AF_INET, endpoint.host.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(static_cast<std::uint16_t>(endpoint.port));
        size = sizeof(sockaddr_in);
    } else if (auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
               ::inet_pton(AF_INET6, endpoint.host.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(static_cast<std::uint16_t>(endpoint.port));
        size = sizeof(sockaddr_in6);
    }
    socket->fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int yes = 1;
    if (storage.ss_family != AF_UNIX) ::setsockopt(socket->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (size == 0 || socket->fd < 0 ||
        (::connect(socket->fd, reinterpret_cast<const sockaddr*>(&storage), size) != 0 && errno != EINPROGRESS)) {
        socket->state = ServicePipe::State::failed;
    } else {
        const std::lock_guard lock(shared_->mutex);
        socket->id = ++shared_->last_id;
        shared_->sockets.emplace(socket->id, socket);
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLONESHOT;
        event.data.u64 = socket->id;
        ::epoll_ctl(shared_->epoll, EPOLL_CTL_ADD, socket->fd, &event);
    }
    return std::shared_ptr<ServicePipe>(new ServicePipe(socket));
}

}  // namespace windlass::api
