#include "api/wait.h"

#include <memory>
#include <utility>

#include "api/scheduler_link.h"

namespace windlass::api {

Reply when_ended(const Call& call, JobId job, Milliseconds patience, std::function<OrProblem<Reply>()> answer) {
    // Held by on_deadline, which the front keeps as long as the exchange waits: if the client goes away, so does the
    // watch.
    const auto watch = std::make_shared<Watch>();
    const Next next = call.then(std::move(answer));
    Later later;
    later.deadline = patience;
    later.on_deadline = [watch, next] { return next(); };
    later.start = [watch = std::weak_ptr(watch), next, job, &scheduler = call.app.scheduler](const Resumer& resume) {
        if (const auto kept = watch.lock()) *kept = scheduler.watch(job, [resume, next] { resume(next); });
    };
    return later;
}

}  // namespace windlass::api
