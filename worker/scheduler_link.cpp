#include "worker/scheduler_link.h"

#include <algorithm>

#include "shared/log.h"

namespace windlass::worker {
namespace {
// A scheduler that accepts but does not answer is as good as none. Where another one may lead, less time is lost with
// one that is frozen.
constexpr Milliseconds greeting_time{5000};
constexpr Milliseconds short_greeting_time{1000};
// Between two rounds through all addresses: jobs in hand wait for it.
constexpr Milliseconds longest_pause_between_rounds{500};
}  // namespace

SchedulerLink::SchedulerLink(uv_loop_t* loop, std::vector<wire::Endpoint> schedulers, const Clock& clock,
                             std::function<double()> random, Handlers handlers, Client client)
    : loop_(loop),
      schedulers_(std::move(schedulers)),
      clock_(clock),
      random_(std::move(random)),
      handlers_(std::move(handlers)),
      client_(std::move(client)),
      timer_(loop, [this] {
          if (state_ == State::resting)
              dial();
          else
              lost("it did not answer");
      }) {
    // A scheduler takes no older dial of the same worker for a newer one, so those of a next life that calls itself as
    // this one must be larger: they count on from a clock that goes faster than anybody dials.
    *generation_ = static_cast<std::uint64_t>(clock_.now().steady.time_since_epoch().count());
}

SchedulerLink::~SchedulerLink() {
    close();
}

void SchedulerLink::dial() {
    state_ = State::dialling;
    timer_.start(schedulers_.alone() ? greeting_time : short_greeting_time);
    const auto mine = ++*generation_;
    wire::connect(
        loop_, schedulers_.current(),
        [this, mine, generation = std::weak_ptr(generation_)](Result<std::shared_ptr<wire::Connection>> result) {
            const auto current = generation.lock();
            if (current && *current == mine) return dialled(std::move(result));
            if (!result) return;
            result.value()->set_handlers({});
            result.value()->close("too late");
        },
        client_ ? client_() : nullptr);
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
    if (!schedulers_.take(welcome->epoch)) return lost("another one has led since");
    state_ = State::up;
    timer_.stop();
    backoff_.reset();
    failure_logged_ = false;
    log::info("connected to the scheduler at {}", schedulers_.current().text());
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
    // While the scheduler is away this happens every second or two: said once, of the one we had or of each.
    if (was_up || !failure_logged_)
        log::warning("no scheduler at {}: {}; trying again until {} answers", schedulers_.current().text(), reason,
                     schedulers_.alone() ? "it" : "one");
    const bool all_tried = schedulers_.next();
    failure_logged_ = failure_logged_ || all_tried;
    Milliseconds pause{0};
    if (all_tried) pause = backoff_.next(random_());
    if (!schedulers_.alone()) pause = std::min(pause, longest_pause_between_rounds);
    timer_.start(pause);
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
