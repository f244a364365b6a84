// A poll handle of a libuv loop that may be destroyed at any time: libuv keeps the memory until its close callback.
#pragma once

#include <uv.h>

#include <functional>

#include "shared/result.h"

namespace windlass::worker {

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
