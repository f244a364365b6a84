// A timer of a libuv loop that may be destroyed at any time, also while it calls back: libuv keeps the memory until its
// close callback. Everything belongs to the loop's thread.
//
// However often it is set for "at once", the loop comes to its sockets in between: libuv 1.44 rings a timer that its own
// callback set to 0 again in the same round, for ever, and nothing else is served (uv__run_timers).
#pragma once

#include <uv.h>

#include <algorithm>
#include <cstdint>
#include <functional>

#include "shared/time.h"

namespace windlass {

class LoopTimer {
  public:
    LoopTimer(uv_loop_t* loop, std::function<void()> on_time) : handle_(new Handle{{}, std::move(on_time), false}) {
        uv_timer_init(loop, &handle_->timer);
        handle_->timer.data = handle_;
    }
    LoopTimer(const LoopTimer&) = delete;
    LoopTimer& operator=(const LoopTimer&) = delete;
    ~LoopTimer() { close(); }

    // The loop may end although it is set.
    void unref() { uv_unref(reinterpret_cast<uv_handle_t*>(&handle_->timer)); }

    // Rings once, `after` from now on (not from when this turn of the loop began); replaces what was set before.
    void start(Milliseconds after) { start(after, Milliseconds{0}); }
    // Rings after `first`, and from then on every `every`.
    void repeat(Milliseconds first, Milliseconds every) { start(first, every); }
    void stop() {
        if (handle_ != nullptr) uv_timer_stop(&handle_->timer);
    }
    bool is_set() const { return handle_ != nullptr && uv_is_active(as_handle()) != 0; }
    // Rings no more, whatever is set afterwards.
    void close() {
        if (handle_ == nullptr) return;
        uv_close(reinterpret_cast<uv_handle_t*>(&handle_->timer),
                 [](uv_handle_t* handle) { delete static_cast<Handle*>(handle->data); });
        handle_ = nullptr;
    }

  private:
    struct Handle {
        uv_timer_t timer;
        std::function<void()> on_time;
        bool rings = false;  // on_time is under way

        void ring() {
            rings = true;
            on_time();
            rings = false;
        }
    };

    const uv_handle_t* as_handle() const { return reinterpret_cast<const uv_handle_t*>(&handle_->timer); }
    void start(Milliseconds first, Milliseconds every) {
        if (handle_ == nullptr) return;
        uv_update_time(handle_->timer.loop);
        uv_timer_start(
            &handle_->timer, [](uv_timer_t* timer) { static_cast<Handle*>(timer->data)->ring(); },
            std::max(count(first), handle_->rings ? std::uint64_t{1} : 0), count(every));
    }
    static std::uint64_t count(Milliseconds time) {
        return time.count() > 0 ? static_cast<std::uint64_t>(time.count()) : 0;
    }

    Handle* handle_;
};

}  // namespace windlass
