// The listening socket: TCP or unix, plain bind. Accepting survives every error of a single client; when descriptors
// run out, libuv sacrifices a spare one to accept and close, so that the queue of the kernel does not spin the loop.
#pragma once

#include <uv.h>

#include <functional>
#include <string>

#include "shared/result.h"

namespace windlass::api {

// A uv_tcp_t or a uv_pipe_t in one place.
union SocketHandle {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
};

class Listener {
  public:
    // Loop's thread. `on_connection` is told that accept() will give one.
    // `address`: HOST:PORT, [V6]:PORT or unix:/path. On failure nothing stays open but handles that the loop has yet to
    // close.
    Status open(uv_loop_t* loop, const std::string& address, std::function<void()> on_connection);
    // Initialises `client` and takes the next connection into it. False: closing it is all that is left to do.
    bool accept(SocketHandle& client);
    // Stops listening; `closed` is called by the loop when the memory may go. Once.
    void close(std::function<void()> closed);
    bool listening() const { return listening_; }
    const std::string& address() const { return address_; }
    bool is_unix() const { return unix_; }

  private:
    Status bind_unix(const std::string& path);
    Status bind_tcp(const std::string& address);
    void remember_port(const std::string& host);

    SocketHandle handle_{};
    std::function<void()> on_connection_;
    std::function<void()> closed_;
    std::string address_;
    bool unix_ = false;
    bool initialised_ = false;
    bool listening_ = false;
};

// Address of the other side without its port: "192.0.2.7", "2001:db8::1"; "unix" for a unix socket; "" if it has gone.
std::string peer_address(const SocketHandle& client, bool is_unix);
// What connections of one client are counted by: the address, or the first 64 bits of an IPv6 one, because that is the
// least a subscriber gets. Empty for this machine itself: not counted.
std::string counting_key(const std::string& address);

}  // namespace windlass::api
