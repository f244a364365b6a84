#include "worker/agent.h"

#include <fmt/format.h>

#include <algorithm>

#include "shared/log.h"
#include "shared/notify.h"

namespace windlass::worker {
namespace {

constexpr Seconds ask_again_for_certificate{60};

void earliest(std::optional<SteadyTime>& at, std::optional<SteadyTime> other) {
    if (other && (!at || *other < *at)) at = other;
}

}  // namespace

Agent::Agent(uv_loop_t* loop, AgentSettings settings, const MakeEngine& make_engine, ResultSpool spool,
             const Clock& clock)
    : settings_(std::move(settings)),
      clock_(clock),
      loop_(loop),
      leases_(settings_.schedulers.size() > 1),
      outbox_(std::move(spool), thread_pool(loop), settings_.journal),
      engine_(make_engine(background(),
                          [this](FinishedAttempt finished, SteadyTime now) {
                              // A former life may have kept its result and not lived to let go of the attempt.
                              if (outbox_.holds(finished.ref)) return;
                              outbox_.add(std::move(finished), now);
                              // Its files were still being collected when the end came.
                              if (exit_code_) outbox_.save_all();
                              settle(now);
                          })),
      link_(loop, settings_.schedulers, clock, settings_.random,
            {[this] {
                 offered_ = engine_->offer();
                 offered_with_room_ = no_room_.empty();
                 return hello();
             },
             [this](auto& connection, auto& welcome, SteadyTime sent) { on_welcome(connection, welcome, sent); },
             [this](protocol::Message message, std::string body) { on_message(std::move(message), std::move(body)); },
             [this] { on_down(); },
             [this](const std::string& reason) {
                 log::error("the scheduler refuses this worker: {}", reason);
                 end(1);
             }},
            settings_.credential ? SchedulerLink::Client([this] { return settings_.credential->client(); })
                                 : SchedulerLink::Client()),
      offered_(engine_->offer()),
      timer_(loop, [this] { on_time(); }) {
    for (auto& watch : engine_->watches())
        polls_.push_back(std::make_unique<LoopPoll>(loop, watch.fd,
                                                    [this, turn = std::move(watch.on_readable)] { on_engine(turn); }));
    // What a former life ended and could not hand over.
    std::vector<AttemptRef> ended;
    outbox_.append_held(ended);
    for (const AttemptRef ref : ended) engine_->result_is_safe(ref);
    if (settings_.inherited_until) leases_.inherited(*settings_.inherited_until);
    engine_->leases_good_until(leases_.good_until());
}

// What the engine has done elsewhere ends in a turn like any other.
Background Agent::background() {
    return [this, pool = thread_pool(loop_)](std::function<void()> work, std::function<void()> done) {
        pool(std::move(work), [this, done = std::move(done)] {
            if (exit_code_) return done();
            on_engine([&done](SteadyTime) { done(); });
        });
    };
}

void Agent::on_engine(const std::function<void(SteadyTime now)>& turn) {
    SteadyTime now;
    awake(now);  // even without leases: what ended has to be cleared away
    turn(now);
    if (exit_code_ || ends_broken()) return;
    offer_what_is_there();
    settle(now);
}

bool Agent::ends_broken() {
    const auto why = engine_->broken();
    if (why.empty()) return false;
    log::error("no job can be run any more, so this worker ends: {}", why);
    end(1);
    return true;
}

void Agent::start() {
    const SteadyTime now = clock_.now().steady;
    look_for_room(now);
    settle(now);
    link_.dial();
}

// ---- the scheduler
// ------------------------------------------------------------------------------------------------------

protocol::Hello Agent::hello() const {
    protocol::Hello hello;
    hello.role = "worker";
    hello.name = settings_.name;
    hello.instance = settings_.instance;
    hello.secret = settings_.secret;
    // A scheduler takes no offer of nothing; for one of next to nothing it has no job.
    hello.cpu_millis = offered_with_room_ ? std::max<std::int64_t>(offered_.cpu_millis, 1) : 1;
    hello.memory_bytes = offered_with_room_ ? std::max<std::int64_t>(offered_.memory_bytes, 1) : 1;
    hello.prefetch = offered_with_room_ ? settings_.prefetch : 0;
    hello.software = WINDLASS_VERSION;
    hello.labels = settings_.labels;
    hello.labels.merge(engine_->labels());
    hello.images = offered_.images;
    hello.datasets = offered_.datasets;
    hello.resources = settings_.resources;
    hello.held = held();
    return hello;
}

void Agent::on_welcome(wire::Connection& connection, const protocol::Welcome& welcome, SteadyTime hello_sent) {
    SteadyTime now;
    awake(now);
    leases_.welcomed(hello_sent, Milliseconds{welcome.renew_every_ms}, Milliseconds{welcome.self_kill_after_ms});
    engine_->leases_good_until(leases_.good_until());
    connection_ = &connection;
    if (stop_at_) connection.send(protocol::WorkerDraining{});
    engine_->connected(connection, now);
    outbox_.connected(connection, now);
    if (!std::exchange(ready_, true) && settings_.on_ready) settings_.on_ready();
    settle(now);
    offer_what_is_there();  // it may have changed between Hello and now
}

void Agent::on_message(protocol::Message message, std::string body) {
    SteadyTime now;
    if (!awake(now)) return;
    handle(message, body, now);
    settle(now);
}

void Agent::handle(protocol::Message& message, std::string& body, SteadyTime now) {
    if (auto* lease = std::get_if<protocol::Lease>(&message)) {
        if (outbox_.holds(lease->attempt)) return;  // ended here already; its result is on offer
        if (const auto taken = engine_->lease(std::move(*lease), std::move(body), now); !taken)
            link_.reconnect(taken.error().message);
    } else if (const auto* finish = std::get_if<protocol::AcknowledgeFinish>(&message)) {
        if (!finish->accepted)
            log::write(log::Level::debug, {log::field::job(finish->attempt.job), log::field::attempt(finish->attempt)},
                       "the result of attempt {} came too late", finish->attempt.text());
        outbox_.drop(finish->attempt);
        engine_->result_is_safe(finish->attempt);
    } else if (std::holds_alternative<protocol::Renewed>(message)) {
        // What is not kept is revoked by messages of its own.
        leases_.renewal_answered();
        engine_->leases_good_until(leases_.good_until());
    } else if (const auto* certified = std::get_if<protocol::Certified>(&message)) {
        if (!settings_.credential) return link_.reconnect("it certifies whom it cannot know");
        if (const Status taken = settings_.credential->take_next(*certified); !taken)
            return log::warning("the new certificate of this worker is not used: {}", taken.error().message);
        certificate_asked_.reset();
        log::info("the certificate of this worker is renewed, until {}",
                  trust::utc_text(settings_.credential->certificate().valid_until()));
    } else if (const auto* blob = std::get_if<protocol::BlobFetched>(&message)) {
        engine_->blob_fetched(*blob, std::move(body), now);
    } else if (const auto* cancel = std::get_if<protocol::CancelAttempt>(&message)) {
        engine_->cancel(cancel->attempt, now);
    } else if (const auto* revoke = std::get_if<protocol::RevokeAttempt>(&message)) {
        engine_->revoke(revoke->attempt);
        outbox_.drop(revoke->attempt);
    } else {
        link_.reconnect("it says what is not for workers");
    }
}

void Agent::on_down() {
    connection_ = nullptr;
    certificate_asked_.reset();
    leases_.disconnected();
    engine_->disconnected();
    outbox_.disconnected();
    if (!exit_code_) settle(clock_.now().steady);
}

// What is offered is said in Hello only, so a change of it is said by connecting again: what is in hand stays in hand.
void Agent::offer_what_is_there() {
    if (connection_ == nullptr || (engine_->offer() == offered_ && no_room_.empty() == offered_with_room_)) return;
    const std::string less = no_room_.empty() ? engine_->why_less() : no_room_;
    const std::string why = less.empty() ? "what this worker offers has changed" : less;
    log::write(less.empty() ? log::Level::info : log::Level::warning, why);
    link_.reconnect(why);
}

// What runs goes on: its own limits bound what it makes this worker store.
void Agent::look_for_room(SteadyTime now) {
    if (!settings_.why_no_room || (room_at_ && now < *room_at_)) return;
    room_at_ = now + settings_.look_for_room;
    std::string why = settings_.why_no_room();
    if (why.empty() != no_room_.empty()) {
        if (why.empty())
            log::info("the disk has room again: new jobs are taken");
        else
            log::warning("{}", why);
    }
    no_room_ = std::move(why);
}

std::vector<AttemptRef> Agent::held() const {
    std::vector<AttemptRef> refs;
    engine_->append_held(refs);
    outbox_.append_held(refs);
    return refs;
}

// ---- time
// -----------------------------------------------------------------------------------------------------------------

bool Agent::awake(SteadyTime& now) {
    now = clock_.now().steady;
    if (!leases_.expired(now)) return true;
    leases_.lost();
    if (!engine_->empty())
        log::warning("no renewal was answered in time: all attempts in hand are killed, others will run them");
    engine_->leases_good_until(std::nullopt);
    engine_->kill_all();
    if (connection_ != nullptr) link_.reconnect("it does not answer renewals");
    return false;
}

void Agent::on_time() {
    armed_.reset();
    SteadyTime now;
    if (awake(now) && connection_ != nullptr && leases_.renewal_due(now)) {
        connection_->send(protocol::Renew{held()});
        leases_.renewal_sent(now);
    }
    renew_certificate(now);
    if (connection_ != nullptr && leases_.unanswered(now)) link_.reconnect("it does not answer a renewal");
    engine_->on_time(now);
    outbox_.on_time(now);
    look_for_room(now);
    offer_what_is_there();
    settle(now);
}

// Looked at with every renewal of the leases: those are seconds apart, and a certificate lives for hours.
void Agent::renew_certificate(SteadyTime now) {
    if (connection_ == nullptr || !settings_.credential || !settings_.credential->is_old(clock_.now().wall)) return;
    if (certificate_asked_ && now < *certificate_asked_ + ask_again_for_certificate) return;
    certificate_asked_ = now;
    connection_->send(protocol::RenewCertificate{settings_.credential->request_for_next()});
}

void Agent::settle(SteadyTime now) {
    if (exit_code_ || ends_broken()) return;  // a job that was to be started showed it
    if (stop_at_) go_on_draining(now);
    if (exit_code_) return;
    std::optional<SteadyTime> at = leases_.next();
    earliest(at, engine_->next());
    earliest(at, outbox_.next());
    earliest(at, room_at_);
    if (stop_at_ && !stopped_) earliest(at, stop_at_);
    earliest(at, last_words_at_);
    // Ringing too early is harmless, so a later moment does not touch the timer: most turns cost no timer at all.
    if (!at || (armed_ && *armed_ <= *at)) return;
    armed_ = at;
    timer_.start(std::chrono::ceil<Milliseconds>(std::max(*at - now, Microseconds{0})));
}

// ---- the end
// --------------------------------------------------------------------------------------------------------------

void Agent::terminate() {
    if (exit_code_) return;
    if (stop_at_) {
        log::warning("told to stop a second time: everything is killed now");
        engine_->leases_good_until(std::nullopt);
        engine_->kill_all();
        return end(0);
    }
    SteadyTime now;
    awake(now);
    log::info("draining: nothing new is started; what runs gets {} s to end", settings_.drain.count() / 1000);
    notify_stopping();
    stop_at_ = now + settings_.drain;
    if (connection_ != nullptr) connection_->send(protocol::WorkerDraining{});
    engine_->drain();
    settle(now);
}

void Agent::hand_over() {
    if (exit_code_ || stop_at_ || !settings_.replace || !(engine_->outlives() || engine_->runs_nothing()))
        return log::warning("not handed over to a new program: {}",
                            stop_at_ ? "this worker is ending"
                                     : "jobs would end with this process (worker.adopt); restart it when nothing runs");
    SteadyTime now;
    if (!awake(now)) return;
    log::info("handing over to a new program; what runs goes on");
    outbox_.save_all();
    settings_.replace();
    settle(now);
}

void Agent::add_figures(figures::Families& families) const {
    families.push_back(figures::gauge("windlass_worker_connected", "1 when the scheduler has welcomed this worker",
                                      connection_ != nullptr ? 1 : 0));
    families.push_back(figures::gauge("windlass_worker_disk_low", "1 when no new jobs are taken for want of disk",
                                      no_room_.empty() ? 0 : 1));
    families.push_back(figures::gauge("windlass_worker_draining", "1 when nothing new is started", stop_at_ ? 1 : 0));
    engine_->add_figures(families);
    outbox_.add_figures(families);
}

void Agent::go_on_draining(SteadyTime now) {
    if (!stopped_ && now >= *stop_at_) {
        stopped_ = true;
        engine_->stop_all("the worker was stopped");
    }
    if (!engine_->runs_nothing()) return;
    if (!last_words_at_) last_words_at_ = now + settings_.last_words;
    const bool all_said = outbox_.empty() && engine_->empty();
    if (all_said || now >= *last_words_at_) end(0);
}

void Agent::end(int exit_code) {
    if (exit_code_) return;
    exit_code_ = exit_code;
    outbox_.save_all();
    engine_->disconnected();
    outbox_.disconnected();
    link_.close();
    connection_ = nullptr;
    for (const auto& poll : polls_) poll->close();
    timer_.close();
}

}  // namespace windlass::worker
