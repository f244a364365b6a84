// The receiving side of sd_notify(3): a datagram socket on which daemons say READY=1 and where they listen. The kernel
// vouches for who sent what (SO_PASSCRED).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "shared/result.h"

namespace windlass::cli {

struct Notification {
    pid_t sender = 0;
    bool ready = false;
    bool stopping = false;
    std::string status;  // STATUS=
    std::string url;     // X_WINDLASS_URL=
};

// NAME=VALUE lines; names that we do not use are passed over, as the protocol says.
Notification parse_notification(std::string_view text);

class NotifySocket {
  public:
    static Result<NotifySocket> open(const std::string& path);  // replaces what is there
    NotifySocket(NotifySocket&& other) noexcept;
    NotifySocket& operator=(NotifySocket&&) = delete;
    ~NotifySocket();

    const std::string& path() const { return path_; }  // for NOTIFY_SOCKET
    int fd() const { return fd_; }
    std::optional<Notification> receive();  // does not wait

  private:
    NotifySocket(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
    int fd_ = -1;
    std::string path_;
};

}  // namespace windlass::cli
