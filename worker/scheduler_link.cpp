#include "worker/scheduler_link.h"

#include "shared/log.h"

namespace windlass::worker {
namespace {
// A scheduler that accepts but does not answer is as good as none.
constexpr Milliseconds greeting_time{5000};
}  // namespace

SchedulerLink::SchedulerLink(uv_loop_t* loop, wire::Endpoint scheduler, const Clock& clock,
                             std::function<double()> random, Handlers handlers)
    : loop_(loop),
      scheduler_(std::move(scheduler)),
      clock_(clock),
      random_(std::move(random)),
      handlers_(std::move(handlers)),
      timer_(loop, [this] {
          if (state_ == State::resting)
              dial();
          else
              lost("it did not answer");
      }) {}

SchedulerLink::~SchedulerLink() {
    close();
}

void SchedulerLink::dial() {
    state_ = State::dialling;
    timer_.start(greeting_time);
    const auto mine = ++*generation_;
    wire::connect(
        loop_, scheduler_,
        [this, mine, generation = std::weak_ptr(generation_)](Result<std::shared_ptr<wire::Connection>> result) {
            const auto current = generation.lock();
            if (current && *current == mine) return dialled(std::move(result));
            if (!result) return;
            result.value()->set_handlers({});
            result.value()->close("too late");
        });
}

void SchedulerLink::dialled(Result<std::shared_ptr<wire::Connection>> result) {
    if (!result) return lost(result.error().message);
    connection_ = std::move(result).value();
    state_ = State::greeting;
    const auto mine = *generation_;
    const auto weak = std::weak_ptr(generation_);
    // Each of these ends with the call: handling a message may close the connection, and with it this very function.
    connection_->set_handlers({[this, mine, weak](protocol::Message message, std::string body) {
                                   const auto current = weak.lock();
                                   if (current && *current == mine) receive(std::move(message), std::move(body));
                               },
                               [this, mine, weak](const std::string& reason) {
                                   const auto current = weak.lock();
                                   if (current && *current == mine) lost(reason);
                               }});
    connection_->trust();
    hello_sent_ = clock_.now().steady;
    protocol::Hello hello = handlers_.hello();
    hello.dial = static_cast<std::int64_t>(*generation_);
    connection_->send(hello);
}

void SchedulerLink::receive(protocol::Message message, std::string body) {
    if (const auto* refused = std::get_if<protocol::Refused>(&message)) {
        const std::string reason = refused->reason;
        const bool was_up = state_ == State::up;
        close();
        if (was_up) handlers_.on_down();
        return handlers_.on_refused(reason);
    }
    if (state_ == State::up) return handlers_.on_message(std::move(message), std::move(body));
    const auto* welcome = std::get_if<protocol::Welcome>(&message);
    if (welcome == nullptr) return lost("it did not begin with Welcome");
    if (welcome->version != protocol::version)
        return lost("it speaks version " + std::to_string(welcome->version) + " of the protocol, we speak " +
                    std::to_string(protocol::version));
    state_ = State::up;
    timer_.stop();
    backoff_.reset();
    failure_logged_ = false;
    log::info("connected to the scheduler at {}", scheduler_.text());
    handlers_.on_welcome(*connection_, *welcome, hello_sent_);
}

void SchedulerLink::reconnect(const std::string& reason) {
    if (state_ == State::up) lost(reason);
}

void SchedulerLink::lost(const std::string& reason) {
    if (state_ == State::closed) return;
    const bool was_up = state_ == State::up;
    ++*generation_;
    state_ = State::resting;
    timer_.start(backoff_.next(random_()));
    // While the scheduler is away this happens every second or two: said once.
    if (was_up || !failure_logged_)
        log::warning("no scheduler at {}: {}; trying again until it answers", scheduler_.text(), reason);
    failure_logged_ = true;
    // Told before the connection goes, as users of the connection hold on to it until then.
    if (was_up) handlers_.on_down();
    if (const auto connection = std::exchange(connection_, nullptr)) connection->close(reason);
}

void SchedulerLink::close() {
    if (state_ == State::closed) return;
    state_ = State::closed;
    ++*generation_;
    timer_.close();
    if (const auto connection = std::exchange(connection_, nullptr)) connection->close("the worker ends");
}

}  // namespace windlass::worker
