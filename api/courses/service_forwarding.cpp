#include "api/courses/service_forwarding.h"

#include <stdexcept>
#include <utility>

#include "api/courses/service_headers.h"
#include "api/courses/service_websocket.h"
#include "api/front/header_text.h"

namespace windlass::api {
namespace {

// Told to whoever asks, in the shape of the family.
Problem bad_gateway(std::string why) {
    return make_problem(502, "The service of this deployment does not answer as it should: " + std::move(why) + ".");
}

// The rest of an answer whose head is out.
class Body final : public ChunkSource {
  public:
    Body(std::shared_ptr<ServicePipe> pipe, ServiceAnswer answer, std::string first)
        : pipe_(std::move(pipe)), answer_(std::move(answer)), first_(std::move(first)) {}
    ~Body() override { pipe_->on_change(nullptr); }

    void attach(Wake wake) override { pipe_->on_change(std::move(wake)); }

    bool next(std::string& out) override {
        out += std::exchange(first_, {});
        std::string bytes;
        const auto state = pipe_->take(bytes);
        answer_.feed(bytes, out);
        if (state == ServicePipe::State::ended) answer_.end();
        if (answer_.state() == ServiceAnswer::State::complete) return false;
        const bool lost = state == ServicePipe::State::failed || answer_.state() == ServiceAnswer::State::broken;
        // What has come goes out first; then the client sees that it was not all.
        if (lost && out.empty()) throw std::runtime_error("the answer of a service broke off");
        return true;
    }

  private:
    std::shared_ptr<ServicePipe> pipe_;
    ServiceAnswer answer_;
    std::string first_;
};

Response response_of(const ServiceAnswer& answer, JobId job) {
    Response response;
    response.status = answer.status();
    response.content_type = "application/octet-stream";
    for (auto& [name, value] : answer_headers(answer.headers(), job)) {
        if (equal_without_case(name, "Content-Type"))
            response.content_type = value;
        else
            response.headers.emplace_back(name, value);
    }
    return response;
}

}  // namespace

// Who waits is held by what the front keeps for the deadline; a client that leaves takes it along, and the pipe with
// it.
Later ServiceForwarding::wait(const OnStep& on_step, Milliseconds deadline) {
    Later later;
    later.deadline = deadline;
    const auto self = shared_from_this();
    later.on_deadline = on_step([self]() -> OrProblem<Reply> {
        self->pipe_->on_change(nullptr);
        return make_problem(504, "The service of this deployment did not answer in time.");
    });
    later.start = [weak = std::weak_ptr(self), on_step, deadline](const Resumer& resume) {
        const auto held = weak.lock();
        if (!held) return;
        held->pipe_->on_change([weak, on_step, deadline, resume] {
            const auto woken = weak.lock();
            if (!woken) return;
            resume(on_step([woken, on_step, deadline] { return woken->step(on_step, deadline); }));
        });
    };
    return later;
}

OrProblem<Reply> ServiceForwarding::step(const OnStep& on_step, Milliseconds deadline) {
    std::string bytes;
    std::string body;
    const auto state = pipe_->take(bytes);
    answer_.feed(bytes, body);
    if (state == ServicePipe::State::ended) answer_.end();
    switch (answer_.state()) {
        case ServiceAnswer::State::refused:
        case ServiceAnswer::State::broken:
            return bad_gateway(answer_.why());
        case ServiceAnswer::State::head:
            if (state == ServicePipe::State::failed) return bad_gateway("the connection to it broke");
            return Reply(wait(on_step, deadline));
        case ServiceAnswer::State::switched:
            if (!request_.websocket) return bad_gateway("it speaks another protocol than it was asked for");
            break;
        case ServiceAnswer::State::body:
        case ServiceAnswer::State::complete:
            break;
    }
    return answered(std::move(body));
}

OrProblem<Reply> ServiceForwarding::answered(std::string body) {
    pipe_->on_change(nullptr);
    if (answer_.state() == ServiceAnswer::State::switched) {
        Upgrade upgrade;
        if (const auto chosen = answer_.header("Sec-WebSocket-Protocol"); !chosen.empty())
            upgrade.protocols.emplace_back(chosen);
        upgrade.handler = forward_websocket(pipe_, answer_.take_rest());
        return Reply(std::move(upgrade));
    }
    Response response = response_of(answer_, request_.job);
    if (answer_.state() == ServiceAnswer::State::complete) {
        response.body = std::move(body);
        return Reply(std::move(response));
    }
    response.stream = std::make_shared<Body>(pipe_, std::move(answer_), std::move(body));
    return Reply(std::move(response));
}

}  // namespace windlass::api
