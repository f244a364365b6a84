// Reading the configuration again while a daemon works (SIGHUP, `systemctl reload`). What can change on the way does at
// once, nothing that is under way is dropped, and what needs a new start is named in the log. A configuration with an
// error changes nothing.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "shared/config.h"

namespace windlass {

// The names of the settings in which the two differ.
std::vector<std::string> changed_settings(const Config& before, const Config& after);

class Reload {
  public:
    // `program` as for log::configure(). `load` reads the configuration as at the start, flags and variables included.
    Reload(std::string program, Config current, std::function<Result<LoadedConfig>()> load)
        : program_(std::move(program)), current_(std::move(current)), load_(std::move(load)) {}

    // Takes over log.level and log.format, then calls `more` (may be empty), in any case: what else a daemon reads
    // again. The manager of services sees it as a reload.
    void run(const std::function<void()>& more);

  private:
    Status read();

    std::string program_;
    Config current_;
    std::function<Result<LoadedConfig>()> load_;
};

// Calls back on SIGHUP. Does not keep the loop alive.
class HangUp {
  public:
    HangUp(uv_loop_t* loop, std::function<void()> on_signal);
    HangUp(const HangUp&) = delete;
    HangUp& operator=(const HangUp&) = delete;
    ~HangUp();

    // For the time before there is a loop: the signal is swallowed. (Not ignored, which programs that are started later
    // would inherit.)
    static void swallow();

  private:
    struct Handle {
        uv_signal_t signal{};
        std::function<void()> on_signal;
    };
    Handle* handle_;  // freed by libuv's close callback
};

}  // namespace windlass
