#include "shared/reload.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>
#include <map>

#include "shared/log.h"
#include "shared/notify.h"

namespace windlass {
namespace {

std::map<std::string, std::string> all_settings(Config config) {
    std::map<std::string, std::string> all;
    describe_settings(
        [&](const std::string& name, const auto& field, const char*) { all.emplace(name, fmt::format("{}", field)); },
        config);
    return all;
}

}  // namespace

std::vector<std::string> changed_settings(const Config& before, const Config& after) {
    const auto old = all_settings(before);
    std::vector<std::string> names;
    for (const auto& [name, value] : all_settings(after))
        if (old.at(name) != value) names.push_back(name);
    return names;
}

Status Reload::read() {
    WINDLASS_TRY(const auto loaded, load_());
    WINDLASS_TRY_STATUS(log::configure(program_, loaded.config.log.level, loaded.config.log.format));
    current_.log = loaded.config.log;
    // Compared with what the daemon was started with, so that nothing is forgotten over several reloads.
    const auto waiting = changed_settings(current_, loaded.config);
    if (waiting.empty())
        log::info("the configuration was read again");
    else
        log::warning("the configuration was read again; this needs a new start: {}", fmt::join(waiting, ", "));
    return {};
}

void Reload::run(const std::function<void()>& more) {
    notify_reloading();
    if (const auto done = read(); !done)
        log::error("the settings stay as they were: {}. Mend it, then send SIGHUP again", done.error().message);
    if (more) more();
    notify_reloaded();
}

HangUp::HangUp(uv_loop_t* loop, std::function<void()> on_signal) : handle_(new Handle{{}, std::move(on_signal)}) {
    uv_signal_init(loop, &handle_->signal);
    handle_->signal.data = handle_;
    uv_signal_start(
        &handle_->signal, [](uv_signal_t* signal, int) { static_cast<Handle*>(signal->data)->on_signal(); }, SIGHUP);
    uv_unref(reinterpret_cast<uv_handle_t*>(&handle_->signal));
}

HangUp::~HangUp() {
    uv_close(reinterpret_cast<uv_handle_t*>(&handle_->signal),
             [](uv_handle_t* handle) { delete static_cast<Handle*>(handle->data); });
}

void HangUp::swallow() {
    std::signal(SIGHUP, [](int) {});
}

}  // namespace windlass
