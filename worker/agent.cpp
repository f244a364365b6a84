#include "worker/agent.h"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "shared/log.h"
#include "shared/notify.h"

namespace windlass::worker {
namespace {

constexpr const char* site_changed = "its images or data sets changed";

void earliest(std::optional<SteadyTime>& at, std::optional<SteadyTime> other) {
    if (other && (!at || *other < *at)) at = other;
}

}  // namespace

Agent::Agent(uv_loop_t* loop, AgentSettings settings, std::unique_ptr<Sandbox> sandbox, ResultSpool spool,
             BlobCache cache, const Clock& clock, std::unique_ptr<Services> services)
    : settings_(std::move(settings)),
      clock_(clock),
      sandbox_(std::move(sandbox)),
      services_(std::move(services)),
      leases_(settings_.schedulers.size() > 1),
      outbox_(std::move(spool), thread_pool(loop)),
      runner_(settings_.runner, *sandbox_, std::move(cache), thread_pool(loop), clock,
              [this](FinishedAttempt finished, SteadyTime now) {
                  outbox_.add(std::move(finished), now);
                  if (exit_code_) outbox_.save_all();  // its files were still being collected when the end came
                  settle(now);
              }),
      link_(loop, settings_.schedulers, clock, settings_.random,
            {[this] {
                 site_said_ = site_;
                 return hello();
             },
             [this](auto& connection, auto& welcome, SteadyTime sent) { on_welcome(connection, welcome, sent); },
             [this](protocol::Message message, std::string body) { on_message(std::move(message), std::move(body)); },
             [this] { on_down(); },
             [this](const std::string& reason) {
                 log::error("the scheduler refuses this worker: {}", reason);
                 end(1);
             }}),
      sandbox_poll_(loop, sandbox_->fd(),
                    [this] {
                        SteadyTime now;
                        awake(now);  // even without leases: what ended has to be cleared away
                        runner_.on_sandbox_readable(now);
                        if (const auto why = sandbox_->broken(); !why.empty()) {
                            log::error("the sandbox is broken, so this worker ends: {}", why);
                            return end(1);
                        }
                        offer_what_is_left();
                        settle(now);
                    }),
      pipes_poll_(loop, runner_.pipes_fd(),
                  [this] {
                      SteadyTime now;
                      awake(now);
                      runner_.on_pipes_readable(now);
                      settle(now);
                  }),
      timer_(loop, [this] { on_time(); }) {
    if (settings_.runner.site != nullptr) watch_site(loop);
    if (!services_) return;
    services_->set_make_socket([this](BoxId box) { return sandbox_->service_socket(box); });
    runner_.serve_by(*services_);
    services_poll_ = std::make_unique<LoopPoll>(loop, services_->fd(), [this] {
        SteadyTime now;
        awake(now);
        runner_.on_services_readable(now);
        settle(now);
    });
}

void Agent::start() {
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
    hello.cpu_millis = std::max<std::int64_t>(settings_.runner.cpu_millis - offered_less_.cpu_millis, 1);
    hello.memory_bytes = std::max<std::int64_t>(settings_.runner.memory_bytes - offered_less_.memory_bytes, 1);
    hello.prefetch = settings_.prefetch;
    hello.software = WINDLASS_VERSION;
    hello.labels = settings_.labels;
    if (services_) hello.labels["service"] = "http";
    hello.resources = settings_.resources;
    hello.images = site_.images;
    hello.datasets = site_.datasets;
    hello.held = held();
    return hello;
}

void Agent::on_welcome(wire::Connection& connection, const protocol::Welcome& welcome, SteadyTime hello_sent) {
    SteadyTime now;
    awake(now);
    leases_.welcomed(hello_sent, Milliseconds{welcome.renew_every_ms}, Milliseconds{welcome.self_kill_after_ms});
    connection_ = &connection;
    if (stop_at_) connection.send(protocol::WorkerDraining{});
    runner_.connected(connection, now);
    outbox_.connected(connection, now);
    if (!std::exchange(ready_, true) && settings_.on_ready) settings_.on_ready();
    settle(now);
    if (site_said_ != site_) link_.reconnect(site_changed);  // between Hello and now
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
        if (const auto taken = runner_.lease(std::move(*lease), std::move(body), now); !taken)
            link_.reconnect(taken.error().message);
    } else if (const auto* finish = std::get_if<protocol::AcknowledgeFinish>(&message)) {
        if (!finish->accepted)
            log::write(log::Level::debug, {log::field::job(finish->attempt.job), log::field::attempt(finish->attempt)},
                       "the result of attempt {} came too late", finish->attempt.text());
        outbox_.drop(finish->attempt);
    } else if (std::holds_alternative<protocol::Renewed>(message)) {
        // What is not kept is revoked by messages of its own.
        leases_.renewal_answered();
    } else if (const auto* blob = std::get_if<protocol::BlobFetched>(&message)) {
        runner_.blob_fetched(*blob, std::move(body), now);
    } else if (const auto* cancel = std::get_if<protocol::CancelAttempt>(&message)) {
        runner_.cancel(cancel->attempt, now);
    } else if (const auto* revoke = std::get_if<protocol::RevokeAttempt>(&message)) {
        runner_.revoke(revoke->attempt);
        outbox_.drop(revoke->attempt);
    } else {
        link_.reconnect("it says what is not for workers");
    }
}

void Agent::on_down() {
    connection_ = nullptr;
    leases_.disconnected();
    runner_.disconnected();
    outbox_.disconnected();
    if (!exit_code_) settle(clock_.now().steady);
}

// What is offered is said in Hello only, so a change of it is said by connecting again: what is in hand stays in hand.
void Agent::offer_what_is_left() {
    if (runner_.withheld() == offered_less_) return;
    offered_less_ = runner_.withheld();
    const std::string left = fmt::format("{} box(es) do not end: this worker offers {} of {} cores now",
                                         sandbox_->stuck_boxes(), static_cast<double>(hello().cpu_millis) / 1000,
                                         static_cast<double>(settings_.runner.cpu_millis) / 1000);
    log::warning("{}", left);
    link_.reconnect(left);
}

// ---- images and data sets
// ----------------------------------------------------------------------------------------------

void Agent::watch_site(uv_loop_t* loop) {
    const std::string& directory = settings_.runner.site->store().directory();
    site_changes_.reset(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    // Before the first look, so that no change is missed.
    if (!site_changes_ || inotify_add_watch(site_changes_.get(), directory.c_str(), IN_MOVED_TO) < 0)
        log::warning("{}: images and data sets that change are offered after a restart only",
                     errno_error("watching " + directory, errno).message);
    else
        site_poll_.emplace(loop, site_changes_.get(), [this] { on_site_changed(); });
    site_ = settings_.runner.site->offers();
}

// Said in Hello only, as what is left is.
void Agent::on_site_changed() {
    char events[4096];
    while (read(site_changes_.get(), events, sizeof events) > 0) {
    }
    SteadyTime now;
    awake(now);
    SiteOffers offers = settings_.runner.site->offers();
    if (offers != site_) {
        site_ = std::move(offers);
        log::info("this worker has {} images and {} data sets now", site_.images.size(), site_.datasets.size());
        link_.reconnect(site_changed);
    }
    settle(now);
}

std::vector<AttemptRef> Agent::held() const {
    std::vector<AttemptRef> refs;
    runner_.append_held(refs);
    outbox_.append_held(refs);
    return refs;
}

// ---- time
// -----------------------------------------------------------------------------------------------------------------

bool Agent::awake(SteadyTime& now) {
    now = clock_.now().steady;
    if (!leases_.expired(now)) return true;
    leases_.lost();
    if (!runner_.empty())
        log::warning("no renewal was answered in time: all attempts in hand are killed, others will run them");
    runner_.kill_all();
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
    if (connection_ != nullptr && leases_.unanswered(now)) link_.reconnect("it does not answer a renewal");
    runner_.on_time(now);
    outbox_.on_time(now);
    settle(now);
}

void Agent::settle(SteadyTime now) {
    if (exit_code_) return;
    if (stop_at_) go_on_draining(now);
    if (exit_code_) return;
    std::optional<SteadyTime> at = leases_.next();
    earliest(at, runner_.next());
    earliest(at, outbox_.next());
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
        runner_.kill_all();
        return end(0);
    }
    SteadyTime now;
    awake(now);
    log::info("draining: nothing new is started; what runs gets {} s to end", settings_.drain.count() / 1000);
    notify_stopping();
    stop_at_ = now + settings_.drain;
    if (connection_ != nullptr) connection_->send(protocol::WorkerDraining{});
    runner_.drain();
    settle(now);
}

void Agent::add_figures(figures::Families& families) const {
    families.push_back(figures::gauge("windlass_worker_connected", "1 when the scheduler has welcomed this worker",
                                      connection_ != nullptr ? 1 : 0));
    families.push_back(figures::gauge("windlass_worker_draining", "1 when nothing new is started", stop_at_ ? 1 : 0));
    runner_.add_figures(families);
    outbox_.add_figures(families);
}

void Agent::go_on_draining(SteadyTime now) {
    if (!stopped_ && now >= *stop_at_) {
        stopped_ = true;
        runner_.stop_all("the worker was stopped");
    }
    if (!runner_.runs_nothing()) return;
    if (!last_words_at_) last_words_at_ = now + settings_.last_words;
    const bool all_said = outbox_.empty() && runner_.empty();
    if (all_said || now >= *last_words_at_) end(0);
}

void Agent::end(int exit_code) {
    if (exit_code_) return;
    exit_code_ = exit_code;
    outbox_.save_all();
    runner_.disconnected();
    outbox_.disconnected();
    link_.close();
    connection_ = nullptr;
    sandbox_poll_.close();
    pipes_poll_.close();
    if (site_poll_) site_poll_->close();
    if (services_poll_) services_poll_->close();
    timer_.close();
}

}  // namespace windlass::worker
