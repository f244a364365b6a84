// A libuv loop for tests: runs until a condition holds. A wrong program fails by the deadline instead of hanging.
#pragma once

#include <uv.h>

#include <chrono>
#include <cstdint>

#include "tests/support/patience.h"

namespace windlass::test {

class TestLoop {
  public:
    TestLoop() { uv_loop_init(&loop_); }
    ~TestLoop() { uv_loop_close(&loop_); }
    TestLoop(const TestLoop&) = delete;
    TestLoop& operator=(const TestLoop&) = delete;

    uv_loop_t* get() { return &loop_; }

    template <class Condition>
    bool run_until(Condition holds, std::chrono::milliseconds deadline = patience()) {
        const std::uint64_t end = uv_hrtime() + static_cast<std::uint64_t>(deadline.count()) * 1'000'000;
        uv_timer_t tick;  // wakes the loop, so that conditions that other threads make true are seen
        uv_timer_init(&loop_, &tick);
        uv_timer_start(
            &tick, [](uv_timer_t*) {}, 1, 1);
        bool held = holds();
        while (!held && uv_hrtime() < end) {
            uv_run(&loop_, UV_RUN_ONCE);
            held = holds();
        }
        uv_close(reinterpret_cast<uv_handle_t*>(&tick), nullptr);
        uv_run(&loop_, UV_RUN_NOWAIT);
        return held;
    }
    // Until nothing is open any more.
    void finish() { uv_run(&loop_, UV_RUN_DEFAULT); }

  private:
    uv_loop_t loop_{};
};

}  // namespace windlass::test
