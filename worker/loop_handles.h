// libuv handles that may be destroyed at any time: libuv keeps the memory until its close callback.
#pragma once

#include <uv.h>

#include <functional>

#include "shared/result.h"
#include "shared/time.h"

namespace windlass::worker {

class LoopTimer {
  public:
    LoopTimer(uv_loop_t* loop, std::function<void()> on_time) : handle_(new Handle{{}, std::move(on_time)}) {
        uv_timer_init(loop, &handle_->timer);
        handle_->timer.data = handle_;
    }
    LoopTimer(const LoopTimer&) = delete;
    LoopTimer& operator=(const LoopTimer&) = delete;
    ~LoopTimer() { close(); }

    // Rings once; replaces what was set before.
    void start(Milliseconds after) {
        if (handle_ == nullptr) return;
        const auto rung = [](uv_timer_t* timer) { static_cast<Handle*>(timer->data)->on_time(); };
        uv_timer_start(&handle_->timer, rung, after.count() > 0 ? static_cast<std::uint64_t>(after.count()) : 0, 0);
    }
    void stop() {
        if (handle_ != nullptr) uv_timer_stop(&handle_->timer);
    }
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
    };
    Handle* handle_;
};

// Calls back whenever a descriptor, which somebody else owns and keeps open until close(), is readable.
class LoopPoll {
  public:
    LoopPoll(uv_loop_t* loop, int fd, std::function<void()> on_readable)
        : handle_(new Handle{{}, std::move(on_readable)}) {
        WINDLASS_CHECK(uv_poll_init(loop, &handle_->poll, fd) == 0, "libuv cannot poll this descriptor");
        handle_->poll.data = handle_;
        uv_poll_start(&handle_->poll, UV_READABLE,
                      [](uv_poll_t* poll, int, int) { static_cast<Handle*>(poll->data)->on_readable(); });
    }
    LoopPoll(const LoopPoll&) = delete;
    LoopPoll& operator=(const LoopPoll&) = delete;
    ~LoopPoll() { close(); }

    void close() {
        if (handle_ == nullptr) return;
        uv_close(reinterpret_cast<uv_handle_t*>(&handle_->poll),
                 [](uv_handle_t* handle) { delete static_cast<Handle*>(handle->data); });
        handle_ = nullptr;
    }

  private:
    struct Handle {
        uv_poll_t poll;
        std::function<void()> on_readable;
    };
    Handle* handle_;
};

}  // namespace windlass::worker
