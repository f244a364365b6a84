// The connection to the scheduler: dials, says Hello, waits for Welcome, and does so again for ever when it is lost.
// Everything on the loop's thread.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "shared/loop_timer.h"
#include "shared/time.h"
#include "shared/wire/addresses.h"
#include "shared/wire/connection.h"
#include "worker/backoff.h"

namespace windlass::worker {

class SchedulerLink {
  public:
    struct Handlers {
        std::function<protocol::Hello()> hello;
        // The connection stays until on_down. `hello_sent`: when Hello was given to it.
        std::function<void(wire::Connection&, const protocol::Welcome&, SteadyTime hello_sent)> on_welcome;
        std::function<void(protocol::Message, std::string body)> on_message;  // between on_welcome and on_down
        std::function<void()> on_down;                                        // once after each on_welcome
        std::function<void(const std::string& reason)> on_refused;            // nothing is dialled after that
    };

    // What is shown to a scheduler on another machine, for the next connection.
    using Client = std::function<std::shared_ptr<const trust::TlsClient>()>;

    // `random` gives numbers in [0, 1). `schedulers`: where one may lead; at least one address. `client`: needed where
    // one of them is of TLS.
    SchedulerLink(uv_loop_t* loop, std::vector<wire::Endpoint> schedulers, const Clock& clock,
                  std::function<double()> random, Handlers handlers, Client client = {});
    ~SchedulerLink();

    void dial();
    // Gives this connection up and dials again soon.
    void reconnect(const std::string& reason);
    // For good; what is queued is still sent while the loop runs. on_down is not called.
    void close();

  private:
    enum class State { resting, dialling, greeting, up, closed };

    void dialled(Result<std::shared_ptr<wire::Connection>> connection);
    void receive(protocol::Message message, std::string body);
    void lost(const std::string& reason);

    uv_loop_t* loop_;
    wire::Addresses schedulers_;
    const Clock& clock_;
    const std::function<double()> random_;
    const Handlers handlers_;
    const Client client_;
    LoopTimer timer_;  // resting: dial now. dialling, greeting: too slow
    Backoff backoff_;
    State state_ = State::resting;
    // Callbacks of an earlier connection know its number and are ignored; all of them once we are gone.
    std::shared_ptr<std::uint64_t> generation_ = std::make_shared<std::uint64_t>(0);
    std::shared_ptr<wire::Connection> connection_;
    SteadyTime hello_sent_{};
    bool failure_logged_ = false;
};

}  // namespace windlass::worker
