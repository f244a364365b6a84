#include "api/front/listener.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "api/front/ip_block.h"
#include "shared/log.h"

namespace windlass::api {
namespace {

// Clients taken in one turn of the loop; the others wait until those who are here had their turn.
constexpr int accept_at_once = 64;
// How long to wait for a descriptor that somebody else in the process, or on the machine, gives back.
constexpr std::uint64_t pause_ms = 100;

// accept(2): errors of the connection that is being taken, gone with it.
bool is_of_the_client(int error) {
    switch (error) {
        case ECONNABORTED:
        case EINTR:
        case EPROTO:
        case EPERM:  // a firewall rule
        case ENETDOWN:
        case ENOPROTOOPT:
        case EHOSTDOWN:
        case ENONET:
        case EHOSTUNREACH:
        case EOPNOTSUPP:
        case ENETUNREACH:
        case ETIMEDOUT:
            return true;
        default:
            return false;
    }
}

}  // namespace

Status Listener::open(uv_loop_t* loop, std::function<void(AcceptedSocket)> on_client) {
    on_client_ = std::move(on_client);
    ::uv_timer_init(loop, &timer_);
    ++open_handles_;
    timer_.data = this;
    const int polled = ::uv_poll_init_socket(loop, &poll_, socket_.descriptor());
    if (polled != 0) return errno_error("Cannot listen on " + address(), -polled);
    ++open_handles_;
    poll_.data = this;
    resume();
    return {};
}

void Listener::resume() {
    paused_ = false;
    ::uv_timer_stop(&timer_);
    ::uv_poll_start(&poll_, UV_READABLE,
                    [](uv_poll_t* handle, int, int) { static_cast<Listener*>(handle->data)->accept_some(); });
}

void Listener::pause(int error) {
    paused_ = true;
    ::uv_poll_stop(&poll_);
    ::uv_timer_start(
        &timer_, [](uv_timer_t* handle) { static_cast<Listener*>(handle->data)->resume(); }, pause_ms, 0);
    if (std::exchange(told_, true)) return;
    log::warning(
        "{}: no connection can be taken ({}). New clients wait until others leave; if this comes again, raise "
        "LimitNOFILE= or lower api.connections",
        address(), std::strerror(error));
}

void Listener::descriptor_freed() {
    if (paused_ && closed_ == nullptr) resume();
}

void Listener::accept_some() {
    for (int i = 0; i < accept_at_once && !paused_ && closed_ == nullptr; ++i) {
        sockaddr_storage from{};
        socklen_t size = sizeof from;
        const int client =
            accept_(socket_.descriptor(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (client >= 0) {
            on_client_({client, socket_.is_unix(), socket_.is_unix() ? "unix" : text_of(from)});
            continue;
        }
        if (errno == EAGAIN) {
            if (std::exchange(told_, false)) log::info("{}: nobody waits for a connection any more", address());
            return;
        }
        // EMFILE, ENFILE, ENOBUFS, ENOMEM, or what we do not know: the next one would meet it as well.
        if (!is_of_the_client(errno)) return pause(errno);
    }
}

void Listener::close(std::function<void()> closed) {
    const auto one_closed = [](uv_handle_t* handle) {
        auto& self = *static_cast<Listener*>(handle->data);
        if (--self.open_handles_ > 0) return;
        auto done = std::move(self.closed_);
        done();
    };
    closed_ = std::move(closed);
    const bool polls = open_handles_ == 2;
    if (polls) ::uv_close(reinterpret_cast<uv_handle_t*>(&poll_), one_closed);
    ::uv_close(reinterpret_cast<uv_handle_t*>(&timer_), one_closed);
    // uv_close() has taken it out of epoll; the address is free from now on.
    socket_.close();
}

bool open_handle(uv_loop_t* loop, SocketHandle& client, const AcceptedSocket& accepted) {
    int opened = 0;
    if (accepted.is_unix) {
        ::uv_pipe_init(loop, &client.pipe, 0);
        opened = ::uv_pipe_open(&client.pipe, accepted.descriptor);
    } else {
        ::uv_tcp_init(loop, &client.tcp);
        opened = ::uv_tcp_open(&client.tcp, accepted.descriptor);
    }
    if (opened != 0) ::close(accepted.descriptor);
    return opened == 0;
}

std::string counting_key(const std::string& address) {
    if (address.empty() || address == "unix" || address == "::1" || address.starts_with("127.")) return {};
    const auto parsed = IpAddress::parse(address);
    if (!parsed || parsed->is_v4()) return address;
    return {reinterpret_cast<const char*>(parsed->bytes.data()), 8};
}

}  // namespace windlass::api
