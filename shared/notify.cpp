#include "shared/notify.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

namespace windlass {

void notify_ready(std::string_view url) {
    const std::string text = url.empty() ? "READY=1" : fmt::format("READY=1\nX_WINDLASS_URL={}", url);
    sd_notify(0, text.c_str());
}

void notify_status(std::string_view sentence) {
    sd_notify(0, fmt::format("STATUS={}", sentence).c_str());
}

void notify_stopping() {
    sd_notify(0, "STOPPING=1");
}

}  // namespace windlass
