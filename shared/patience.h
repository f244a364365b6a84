// Waiting, before a daemon has a loop, for what it cannot begin without: a database that is away when the machine boots
// is no reason to end. The service manager hears that the daemon is well and what it waits for; the log says each
// reason once. Nothing is cleaned up when a signal ends the wait: nothing has begun.
#pragma once

#include <string>
#include <string_view>

#include "shared/log.h"
#include "shared/notify.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass {

class Patience {
  public:
    // `what` completes "waiting to …": "open the database".
    explicit Patience(std::string_view what) : what_(what) {}

    // Says why, in the log and as the manager's status, when it is another reason than the last one: true.
    bool say(const Error& reason, log::Level level = log::Level::warning);
    // Once it is over: says that it is, and what has been waited for, if anything has been said.
    void over();
    // Blocks this thread.
    static void pause(Milliseconds time);

  private:
    std::string what_;
    std::string said_;
};

constexpr Milliseconds look_again{200};

// Calls `attempt`, which gives a Status or a Result, until it gives anything but `unavailable`: success, or what
// waiting does not mend.
template <class Attempt>
auto patiently(std::string_view what, Attempt attempt, Milliseconds pause = look_again) -> decltype(attempt()) {
    for (Patience patience(what);; Patience::pause(pause)) {
        auto result = attempt();
        if (result.ok()) patience.over();
        if (result.ok() || result.error().kind != ErrorKind::unavailable) return result;
        patience.say(result.error());
    }
}

}  // namespace windlass
