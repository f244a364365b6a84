// One request on its way to a service and its answer on the way back. Waits without a thread: step() is called whenever
// something has come, and its reply says whether to wait on.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/courses/service_answer.h"
#include "api/courses/service_pipe.h"
#include "api/front/exchange.h"
#include "api/problem.h"
#include "shared/ids.h"
#include "shared/time.h"

namespace windlass::api {

class ServiceForwarding : public std::enable_shared_from_this<ServiceForwarding> {
  public:
    struct Request {
        JobId job;
        bool head_only = false;
        bool websocket = false;
    };
    ServiceForwarding(Request request, std::shared_ptr<ServicePipe> pipe)
        : request_(request), pipe_(std::move(pipe)), answer_(request.head_only) {}

    // The wait for the head of the answer, at most until `deadline` from now; `on_step` renders what goes wrong.
    using OnStep = std::function<Next(std::function<OrProblem<Reply>()>)>;
    Later wait(const OnStep& on_step, Milliseconds deadline);

  private:
    OrProblem<Reply> step(const OnStep& on_step, Milliseconds deadline);
    OrProblem<Reply> answered(std::string body);

    Request request_;
    std::shared_ptr<ServicePipe> pipe_;
    ServiceAnswer answer_;
};

}  // namespace windlass::api
