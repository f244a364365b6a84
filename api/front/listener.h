// Takes clients off one listening socket. Survives every error of a single client. When the process or the machine has
// no descriptor left it pauses: clients wait in the kernel's queue, and are taken when a descriptor is free again.
// (libuv by itself would accept and close them, one after the other.)
#pragma once

#include <sys/socket.h>
#include <uv.h>

#include <functional>
#include <string>

#include "api/front/listening_socket.h"
#include "shared/result.h"

namespace windlass::api {

// A uv_tcp_t or a uv_pipe_t in one place.
union SocketHandle {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
};

struct AcceptedSocket {
    int descriptor = -1;
    bool is_unix = false;
    std::string address;  // of the other side, without its port: "192.0.2.7", "2001:db8::1", "unix"
};

// Initialises `client` on the loop with the accepted socket, which it owns from then on. False: closing the handle is
// all that is left to do.
bool open_handle(uv_loop_t* loop, SocketHandle& client, const AcceptedSocket& accepted);

class Listener {
  public:
    // accept4(2); tests put the errors of a kernel in its place.
    using Accept = int (*)(int descriptor, sockaddr* from, socklen_t* size, int flags);

    explicit Listener(ListeningSocket socket, Accept accept = ::accept4)
        : socket_(std::move(socket)), accept_(accept) {}
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    // Loop's thread. `on_client` owns the socket it is given. After open(), whatever it said, close() is needed.
    Status open(uv_loop_t* loop, std::function<void(AcceptedSocket)> on_client);
    // A descriptor was closed: a pause may be over.
    void descriptor_freed();
    // Stops listening; `closed` is called by the loop when the memory may go. Once.
    void close(std::function<void()> closed);
    const std::string& address() const { return socket_.address(); }

  private:
    void accept_some();
    void pause(int error);
    void resume();

    ListeningSocket socket_;
    const Accept accept_;
    uv_poll_t poll_{};
    uv_timer_t timer_{};
    std::function<void(AcceptedSocket)> on_client_;
    std::function<void()> closed_;
    int open_handles_ = 0;
    bool paused_ = false;
    bool told_ = false;  // the log knows that clients wait
};

// What connections of one client are counted by: the address, or the first 64 bits of an IPv6 one, because that is the
// least a subscriber gets. Empty for this machine itself: not counted.
std::string counting_key(const std::string& address);

}  // namespace windlass::api
