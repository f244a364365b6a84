// A socket that listens, not yet on any loop: made from an address, or handed down by the service manager.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "shared/result.h"

namespace windlass::api {

class ListeningSocket {
  public:
    // HOST:PORT, [V6]:PORT (port 0 picks a free one) or unix:/path. Plain bind, no SO_REUSEPORT: a second copy fails.
    // A unix socket gets `unix_mode`; the file of one that nobody listens on any more is replaced.
    static Result<ListeningSocket> bind(const std::string& address, mode_t unix_mode);
    // Takes the descriptor over, also on failure. invalid: it is no stream socket that listens.
    static Result<ListeningSocket> adopt(int descriptor);

    ~ListeningSocket() { close(); }
    ListeningSocket(ListeningSocket&& other) noexcept { *this = std::move(other); }
    ListeningSocket& operator=(ListeningSocket&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        std::swap(address_, other.address_);
        std::swap(unix_, other.unix_);
        std::swap(made_, other.made_);
        return *this;
    }

    // Also removes the file that bind() made, unless it is another's by now.
    void close();

    int descriptor() const { return descriptor_; }
    // "127.0.0.1:41233" (the port that was picked), "unix:/run/api.sock".
    const std::string& address() const { return address_; }
    bool is_unix() const { return unix_; }

  private:
    struct MadeFile {
        std::string path;
        dev_t device = 0;
        ino_t inode = 0;
    };

    explicit ListeningSocket(int descriptor) : descriptor_(descriptor) {}
    static Result<ListeningSocket> bind_unix(const std::string& address, mode_t mode);
    static Result<ListeningSocket> bind_tcp(const std::string& address);
    Status listen_at(const std::string& address);

    int descriptor_ = -1;
    std::string address_;
    bool unix_ = false;
    MadeFile made_;
};

// The sockets that systemd opened for this process (LISTEN_FDS; docs/systemd.md), in its order. Empty: none. Once.
Result<std::vector<int>> inherited_descriptors();
// Only this machine can reach it.
bool listens_on_this_machine_only(int descriptor);

// The address without its port: "192.0.2.7", "2001:db8::1"; "" if it is none of IP.
std::string text_of(const sockaddr_storage& from);

}  // namespace windlass::api
