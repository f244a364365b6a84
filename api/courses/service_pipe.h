// Connections of this process to the services of jobs: bytes both ways, for handlers, which never wait. One thread
// waits for all of them, so a service that is slow or silent costs a buffer, not a thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "shared/result.h"
#include "shared/wire/connection.h"

namespace windlass::api {

class ServicePipes;

// One connection. Any thread. Closed when the last of its users lets go of it.
class ServicePipe {
  public:
    // So much is read ahead; more stays with the kernel, and so with the service.
    static constexpr std::size_t read_ahead_bytes = 256 * 1024;

    enum class State {
        open,
        ended,   // the other end has said all
        failed,  // it could not be reached, or broke
    };

    ~ServicePipe();
    ServicePipe(const ServicePipe&) = delete;
    ServicePipe& operator=(const ServicePipe&) = delete;

    // Called whenever there is something to take, or the state or what is unsent has changed; at once if there is
    // already. Replaces the one before. Must not block, and may be called by any thread.
    void on_change(std::function<void()> callback);
    // Appends what has come. The state is that of the moment behind the last byte.
    State take(std::string& out);
    // Sent in order, as the other end takes it.
    void write(std::string_view bytes);
    std::size_t unsent_bytes() const;

  private:
    friend class ServicePipes;
    struct Socket;
    explicit ServicePipe(std::shared_ptr<Socket> socket) : socket_(std::move(socket)) {}

    std::shared_ptr<Socket> socket_;
};

class ServicePipes {
  public:
    ServicePipes();   // aborts if the system has no descriptor left: the process just started
    ~ServicePipes();  // pipes that are left end as failed
    ServicePipes(const ServicePipes&) = delete;
    ServicePipes& operator=(const ServicePipes&) = delete;

    // Dials without waiting, and sends `first` when it is through. A fault shows as State::failed.
    std::shared_ptr<ServicePipe> open(const wire::Endpoint& endpoint, std::string first);

  private:
    friend class ServicePipe;
    void run();

    struct Shared;
    std::shared_ptr<Shared> shared_;
    std::thread thread_;
};

}  // namespace windlass::api
