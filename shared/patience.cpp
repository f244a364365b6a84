#include "shared/patience.h"

#include <fmt/format.h>

#include <thread>

namespace windlass {

bool Patience::say(const Error& reason, log::Level level) {
    if (reason.message == said_) return false;
    log::write(level, fmt::format("waiting to {}: {}", what_, reason.message));
    notify_status(reason.message);
    said_ = reason.message;
    return true;
}

void Patience::over() {
    if (said_.empty()) return;
    log::info("waited long enough to {}", what_);
    notify_status({});
    said_.clear();
}

void Patience::pause(Milliseconds time) {
    notify_alive();
    std::this_thread::sleep_for(time);
}

}  // namespace windlass
