#include "worker/background.h"

#include <memory>

#include "shared/result.h"

namespace windlass::worker {
namespace {
struct Task {
    uv_work_t request{};
    std::function<void()> work;
    std::function<void()> done;
};
}  // namespace

Background thread_pool(uv_loop_t* loop) {
    return [loop](std::function<void()> work, std::function<void()> done) {
        auto* task = new Task{{}, std::move(work), std::move(done)};
        task->request.data = task;
        const int failed = uv_queue_work(
            loop, &task->request, [](uv_work_t* request) { static_cast<Task*>(request->data)->work(); },
            [](uv_work_t* request, int) {
                const std::unique_ptr<Task> ended(static_cast<Task*>(request->data));
                ended->done();
            });
        WINDLASS_CHECK(failed == 0, "libuv refused work for its thread pool");
    };
}

}  // namespace windlass::worker
