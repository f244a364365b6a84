// Tells whoever started this daemon how it is (sd_notify protocol, sd_notify(3)): systemd, or `windlass dev`. Without
// NOTIFY_SOCKET in the environment nothing happens.
#pragma once

#include <optional>
#include <string_view>

#include "shared/time.h"

namespace windlass {

// Everything is open and answers. `url`, if not empty, goes along as X_WINDLASS_URL=….
void notify_ready(std::string_view url = {});
void notify_status(std::string_view sentence);
void notify_stopping();

// Around reading the settings again. Both say nothing before the first notify_ready(): a daemon that still starts must
// not seem ready.
void notify_reloading();
void notify_reloaded();

// Postpones the manager's watchdog, which restarts a daemon that says nothing for its WatchdogSec=. A loop says it by
// LoopWatchdog (shared/loop_watchdog.h); this is for waits outside of a loop.
void notify_alive();
// How often the manager wants to hear notify_alive(): a third of WatchdogSec=. No value: it does not watch.
std::optional<Milliseconds> watchdog_period();

// While it lives the watchdog waits for ten minutes: around one long step outside of a loop that cannot report.
class WatchdogReprieve {
  public:
    WatchdogReprieve();
    ~WatchdogReprieve();
    WatchdogReprieve(const WatchdogReprieve&) = delete;
    WatchdogReprieve& operator=(const WatchdogReprieve&) = delete;
};

}  // namespace windlass
