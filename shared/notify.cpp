#include "shared/notify.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace windlass {
namespace {

std::atomic<bool> said_ready = false;

std::uint64_t watchdog_usec() {
    std::uint64_t usec = 0;
    return sd_watchdog_enabled(0, &usec) > 0 ? usec : 0;
}

// What systemd 253 and later ask for beside RELOADING=1.
std::uint64_t monotonic_usec() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1'000;
}

}  // namespace

void notify_ready(std::string_view url) {
    const std::string text = url.empty() ? "READY=1" : fmt::format("READY=1\nX_WINDLASS_URL={}", url);
    sd_notify(0, text.c_str());
    said_ready = true;
}

void notify_status(std::string_view sentence) {
    sd_notify(0, fmt::format("STATUS={}", sentence).c_str());
}

void notify_stopping() {
    said_ready = false;
    sd_notify(0, "STOPPING=1");
}

void notify_reloading() {
    if (said_ready) sd_notify(0, fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic_usec()).c_str());
}

void notify_reloaded() {
    if (said_ready) sd_notify(0, "READY=1");
}

void notify_alive() {
    sd_notify(0, "WATCHDOG=1");
}

std::optional<Milliseconds> watchdog_period() {
    const std::uint64_t usec = watchdog_usec();
    if (usec == 0) return std::nullopt;
    return Milliseconds{std::max<std::int64_t>(static_cast<std::int64_t>(usec / 3000), 1)};
}

WatchdogReprieve::WatchdogReprieve() {
    if (watchdog_usec() != 0) sd_notify(0, "WATCHDOG_USEC=600000000");
}

WatchdogReprieve::~WatchdogReprieve() {
    if (const std::uint64_t usec = watchdog_usec(); usec != 0)
        sd_notify(0, fmt::format("WATCHDOG_USEC={}\nWATCHDOG=1", usec).c_str());
}

}  // namespace windlass
